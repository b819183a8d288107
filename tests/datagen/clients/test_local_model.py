"""The `transformers` teacher on a model in this process: a tiny Gemma 3 that was taught its replies."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.errors import TeacherError
from pocketmoji.core.records import Seed
from pocketmoji.core.text.prompt import CHAT_TEMPLATE
from pocketmoji.core.workspace import read_json, write_json
from pocketmoji.datagen.clients.local_model import LocalModel
from pocketmoji.datagen.executors.async_executor import AsyncExecutor
from pocketmoji.datagen.executors.budget import Budget
from pocketmoji.datagen.executors.journal import Journal
from pocketmoji.datagen.requests.request import Request
from pocketmoji.datagen.requests.teacher import Ask, run_async
from pocketmoji.datagen.teachers.model_teacher import ModelTeacher, plan
from pocketmoji.datagen.teachers.teachers import client_opener
from tests.tiny import make_tiny_model, teach

TOLD = {"Pizza again": ["pizza tonight", "more pizza"], "We ship it": ["it goes live", "out it goes"]}
ASKS = [Ask(Seed(seed_id=f"s{n}", text=text, emoji="🍕", line=n + 2), 2) for n, text in enumerate(TOLD)]
STOP = 1


# Always the same, wherever the model lies: what is drawn depends on its name.
MODEL = "model"
NAME = f"transformers:{MODEL}"
CONFIG = DatagenConfig(teacher="transformers", teacher_model=MODEL, seeds_per_request=1, concurrency=4)


def requests() -> list[Request]:
    return list(plan(NAME, ASKS, CONFIG))


def instruction_model(folder: Path, **template: str) -> Path:
    texts = [f"{one.instructions}\n\n{one.prompt}" for one in requests()]
    make_tiny_model(folder, texts, vocabulary_size=1024, max_position_embeddings=2048, num_hidden_layers=2)
    config = read_json(folder / "tokenizer_config.json")
    write_json(folder / "tokenizer_config.json", config | template)
    return folder


def replies_of(request: Request) -> str:
    texts = TOLD[request.asks[0].seed.text]
    paraphrases = [{"style": n, "text": text} for n, text in enumerate(texts, 1)]
    return json.dumps({"items": [{"number": 1, "paraphrases": paraphrases}]})


@pytest.fixture(scope="module")
def babbling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return instruction_model(tmp_path_factory.mktemp("babbling") / "model", chat_template=CHAT_TEMPLATE)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from safetensors.torch import load_file, save_file
    from transformers import AutoTokenizer

    folder = instruction_model(tmp_path_factory.mktemp("taught") / "model", chat_template=CHAT_TEMPLATE)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    pairs = {}
    for one in requests():
        turns = [{"role": "user", "content": f"{one.instructions}\n\n{one.prompt}"}]
        pairs[tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)] = replies_of(one)
    teach(folder, pairs, STOP, steps=80)
    # Four times the logits: a draw at temperature 1 is then what was taught, and nothing else, on every machine.
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"] = 4 * (1 + weights["model.norm.weight"]) - 1
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_its_replies_are_checked_and_become_candidates(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(taught.parent)
    journal = Journal(tmp_path / "journal")
    budget = Budget(NAME, CONFIG, journal)
    executor = AsyncExecutor(NAME, client_opener(NAME, CONFIG, {}), journal, budget, CONFIG)
    teacher = ModelTeacher(NAME, executor, journal, budget, CONFIG)
    found = list(teacher.paraphrase(ASKS, lambda number: None))
    assert [[candidate.text for candidate in row] for row in found] == list(TOLD.values())
    assert {candidate.origin for row in found for candidate in row} == {NAME}
    assert journal.spent == 0 and teacher.tokens[0] > 100 and teacher.tokens[1] > 20


def test_the_same_draws_in_every_run_and_another_for_each_attempt(
    babbling: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(babbling.parent)
    one, other = requests()

    async def together(model: LocalModel, *asked: Request) -> list[str]:
        return [answer.text for answer in await asyncio.gather(*(model.send(each) for each in asked))]

    first = run_async(together(LocalModel(MODEL), one, other))
    assert all(first)
    model = LocalModel(MODEL)
    assert [run_async(together(model, each))[0] for each in (other, one)] == first[::-1]
    assert run_async(together(model, one))[0] != first[0]
    assert run_async(together(LocalModel(MODEL, random_seed=1), one))[0] != first[0]


def test_a_model_that_cannot_be_asked(tmp_path: Path) -> None:
    folder = instruction_model(tmp_path / "pretrained")
    for model, problem in ((folder, "no chat template"), (tmp_path / "none", "cannot be loaded")):
        with pytest.raises(TeacherError, match=problem) as caught:
            run_async(LocalModel(str(model)).send(requests()[0]))
        assert "--teacher-model" in str(caught.value)
