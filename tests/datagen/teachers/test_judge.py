"""A judge behind the filters: what it refuses is dropped with its words, what it said is never asked for again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.errors import InputError, TeacherError
from pocketmoji.core.workspace import read_json
from pocketmoji.datagen.generate import generate
from pocketmoji.datagen.preview import estimate, preview
from pocketmoji.datagen.teachers.judge import REFUSED, UNJUDGED
from tests.datagen.model_server import Answer, Asked, ModelServer, good, reply
from tests.datagen.read_back import files

PERSONAL = Path("seeds/personal.csv")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "the-key")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def config(server: ModelServer, **given: Any) -> DatagenConfig:
    asked = {"teacher": "openai", "teacher_model": "m", "judge": "openai:j", "base_url": f"{server.url}/v1"}
    return DatagenConfig(**asked | given)


def strict(asked: Asked) -> Answer:
    """As `good`; and asked for a verdict, it dislikes whatever is said to be take 2."""
    if "paraphrases" not in asked[0]:
        return good(asked)
    items = [
        {
            "number": seed["number"],
            "verdicts": [
                {"paraphrase": int(n), "fits": not text.endswith("take 2"), "why": "no second takes"}
                for n, text in seed["paraphrases"].items()
            ],
        }
        for seed in asked
    ]
    return reply(json.dumps({"items": items}))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_what_the_judge_refuses_is_dropped_with_its_words(tmp_path: Path) -> None:
    with ModelServer(always=strict) as server:
        generate(PERSONAL, config(server), tmp_path)
        asked = len(server.requests)
        generate(PERSONAL, config(server), tmp_path)
        assert len(server.requests) == asked  # verdicts are in the journal too
    models = {request["model"] for request in server.requests}
    temperatures = {request["model"]: request["temperature"] for request in server.requests}
    assert models == {"m", "j"} and temperatures == {"m": 1.0, "j": 0.0}
    refused = [row for row in lines(tmp_path / "dropped.jsonl") if row["reason"] == REFUSED]
    assert refused and {row["why"] for row in refused} == {"no second takes"}
    kept = [row["text"] for split in ("train", "validation") for row in lines(tmp_path / f"{split}.jsonl")]
    assert kept and not any(text.endswith("take 2") for text in kept)
    found = read_json(tmp_path / "statistics.json")
    assert found["candidates_received"] == found["candidates_kept"] + found["candidates_dropped"]
    assert found["dropped_by_reason"][REFUSED] == len(refused)


def test_a_ceiling_holds_for_teacher_and_judge_together(tmp_path: Path) -> None:
    with ModelServer(always=strict) as server:
        generate(PERSONAL, config(server), tmp_path / "whole")
        needed = len(server.requests)
        generate(PERSONAL, config(server, max_requests=12), tmp_path / "cut")
        assert len(server.requests) == needed + 12
        assert any(row["reason"] == UNJUDGED for row in lines(tmp_path / "cut" / "dropped.jsonl"))
        generate(PERSONAL, config(server), tmp_path / "cut")
        assert len(server.requests) == 2 * needed
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


def test_a_judge_that_cannot_judge_ends_the_run(tmp_path: Path) -> None:
    def useless(asked: Asked) -> Answer:
        return reply("I would rather not say.") if "paraphrases" in asked[0] else good(asked)

    with ModelServer(always=useless) as server, pytest.raises(TeacherError, match=r"openai:j gave nothing of use"):
        generate(PERSONAL, config(server), tmp_path)


def test_the_preview_says_what_the_judge_said(tmp_path: Path) -> None:
    with ModelServer(always=strict) as server:
        rows = preview(PERSONAL, config(server), 2)["rows"]
    verdicts = {row["text"].rpartition(" ")[2]: row["verdict"] for row in rows}
    assert verdicts["2"] == "no second takes" and verdicts["1"] == "kept"


def test_a_judge_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--judge is 'offline'"):
        generate(PERSONAL, DatagenConfig(teacher="offline", judge="offline"), tmp_path)


def test_a_dry_run_counts_the_judge_too(tmp_path: Path) -> None:
    def lenient(asked: Asked) -> Answer:
        return reply(str(strict(asked).text).replace('"fits": false', '"fits": true'))

    with ModelServer(always=lenient) as server:
        planned = estimate(PERSONAL, config(server, price="1,10"), None)
        assert not server.requests
        generate(PERSONAL, config(server), tmp_path)
    judged = [request for request in server.requests if request["model"] == "j"]
    assert planned["judge"]["requests"] == len(judged) == 9 == planned["requests"]
    tokens = planned["judge"]
    assert tokens["dollars"] == pytest.approx(tokens["input_tokens"] / 1e6 + tokens["output_tokens"] / 1e5, abs=1e-6)
    free = DatagenConfig(teacher="offline", judge="openai:j", price="1,10")
    assert estimate(PERSONAL, free, None)["judge"]["requests"] == 9
