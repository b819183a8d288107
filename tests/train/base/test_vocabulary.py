"""Pruning on a tiny tokenizer: kept rows keep their logits, nothing becomes unknown, what must be kept is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.core.config import TrainConfig
from pocketmoji.core.console import say
from pocketmoji.core.errors import InputError
from pocketmoji.core.records import SPLITS, Example, write_jsonl
from pocketmoji.core.text.prompt import render
from pocketmoji.core.workspace import read_json, write_json
from pocketmoji.train.base.vocabulary import PruneReport, merge_ancestors, prune_base, prune_tokenizer
from pocketmoji.train.stage import languages_of, make_base

TEXTS, ANSWERS = ["my cat is sleeping on me"], ["😴💤🐈", "🤦‍♂️"]


@pytest.fixture(scope="module")
def pruned(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PruneReport]:
    folder = tmp_path_factory.mktemp("pruned")
    full = len(read_json(tiny_model / "tokenizer.json")["model"]["vocab"])
    report = prune_base(
        tiny_model,
        "a tiny base",
        folder,
        size=full - 30,
        languages="en",
        stop_token="<eos>",
        texts=TEXTS,
        answers=ANSWERS,
        unseen=["happy birthday to you"],
        say=say,
    )
    return folder, report


def vocabulary(folder: Path) -> dict[str, int]:
    found: dict[str, int] = read_json(folder / "tokenizer.json")["model"]["vocab"]
    return found


def test_kept_tokens_have_the_logits_they_had(tiny_model: Path, pruned: tuple[Path, PruneReport]) -> None:
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM

    folder, report = pruned
    old, new = vocabulary(tiny_model), vocabulary(folder)
    assert report.kept == len(new) < len(old)
    rows = [old[token] for token in sorted(new, key=new.__getitem__)]
    prompt = render(TEXTS[0])
    logits = []
    for place in (tiny_model, folder):
        tokenizer = Tokenizer.from_file(str(place / "tokenizer.json"))
        ids = tokenizer.encode(prompt, add_special_tokens=False)
        model: Any = AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32)
        with torch.no_grad():
            logits.append((ids.tokens, model(torch.tensor([ids.ids])).logits[0]))
    assert logits[0][0] == logits[1][0]
    # Not bit for bit: a matrix product over fewer columns may sum in another order.
    assert torch.allclose(logits[0][1][:, rows], logits[1][1], atol=1e-5)


def test_dropped_tokens_fall_back_and_come_back(pruned: tuple[Path, PruneReport]) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(pruned[0] / "tokenizer.json"))
    for text in ("Ünïcödé 日本語", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "happy birthday", "a\n\nb"):
        encoding = tokenizer.encode(text, add_special_tokens=False)
        assert "<unk>" not in encoding.tokens
        assert tokenizer.decode(encoding.ids, skip_special_tokens=False) == text
    assert tokenizer.encode("x").ids[0] == tokenizer.token_to_id("<bos>")


def test_the_stop_token_is_what_every_runtime_reads(pruned: tuple[Path, PruneReport]) -> None:
    folder, new = pruned[0], vocabulary(pruned[0])
    assert new["<eos>"] in read_json(folder / "generation_config.json")["eos_token_id"]
    assert read_json(folder / "config.json")["eos_token_id"] == new["<eos>"]
    assert read_json(folder / "tokenizer_config.json")["eos_token"] == "<eos>"


def test_too_small_a_vocabulary_is_an_error(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too small"):
        prune_base(
            tiny_model,
            "a tiny base",
            tmp_path,
            size=100,
            languages="en",
            stop_token="<eos>",
            texts=TEXTS,
            answers=ANSWERS,
            unseen=[],
            say=say,
        )


def test_merge_ancestors_follow_the_ranks() -> None:
    rank = {("a", "b"): 0, ("ab", "c"): 1, ("b", "c"): 2}
    assert merge_ancestors("abc", rank) == {"a", "b", "c", "ab", "abc"}


def test_merges_of_dropped_tokens_are_dropped(tiny_model: Path) -> None:
    full = json.loads((tiny_model / "tokenizer.json").read_text())
    keep = [token for token in full["model"]["vocab"] if len(token) == 1 or token.startswith("<")]
    made = prune_tokenizer(full, keep)
    assert made["model"]["merges"] == []
    assert sorted(made["model"]["vocab"].values()) == list(range(len(keep)))


def test_auto_is_the_lists_language(tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = ["Guten Morgen", "Die Katze schläft", "Ich hab dich lieb", "Regen auf dem Zelt"]
    rows = [Example(text=text, emoji="🎉", seed_id=text, origin="seed") for text in texts]
    for split in SPLITS:
        write_jsonl(tmp_path / f"{split}.jsonl", rows if split == "train" else [])
    # A dataset of an older version, or of a machine without lists of words.
    assert languages_of(tmp_path, TrainConfig()) == ["de"]
    make_base(tmp_path, TrainConfig(base=str(tiny_model)), tmp_path / "base")
    assert "the list is in German" in capsys.readouterr().err
    write_json(tmp_path / "statistics.json", {"languages": ["pt", "en"]})
    make_base(tmp_path, TrainConfig(base=str(tiny_model)), tmp_path / "base")
    assert read_json(tmp_path / "base/manifest.json")["config"]["languages"] == "pt,en"
    make_base(tmp_path, TrainConfig(base=str(tiny_model), languages="fi"), tmp_path / "base")
    assert read_json(tmp_path / "base/manifest.json")["config"]["languages"] == "fi"
