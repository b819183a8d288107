"""`pocketmoji datagen` at the command line: --dry-run, --preview, --push, inspect, and what is told of wrong input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.cli import main
from pocketmoji.core.records import SPLITS
from pocketmoji.core.text.everyday import everyday_rows
from tests.datagen.model_server import ModelServer

PERSONAL = str(Path(__file__).resolve().parents[2] / "seeds/personal.csv")


@pytest.fixture(autouse=True)
def no_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def output(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_dry_run_counts_what_a_run_then_sends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    with ModelServer() as server:
        model = ["--teacher", "openai", "--teacher-model", "gpt-6-luna", "--base-url", f"{server.url}/v1"]
        model += ["--paraphrases", "8"]
        assert main(["datagen", PERSONAL, "--out", out, "--dry-run", "--json", *model]) == 0
        planned = output(capsys)
        assert not server.requests and not (tmp_path / "out").exists()
        assert main(["datagen", PERSONAL, "--out", out, *model]) == 0
        assert len(server.requests) == planned["requests"] == 9
    asked = sum(
        len(seed["styles"]) for request in server.requests for seed in json.loads(request["messages"][1]["content"])
    )
    assert asked == planned["rows"]
    # 0.1 and 0.5 dollars per million: the table's price of the model.
    dollars = planned["input_tokens"] * 0.1e-6 + planned["output_tokens"] * 0.5e-6
    assert planned["dollars"] == pytest.approx(dollars, abs=1e-6) and planned["most_dollars"] > dollars
    assert main(["datagen", PERSONAL, "--out", out, "--dry-run", "--json", *model]) == 0
    again = output(capsys)
    assert (again["requests"], again["known"], again["dollars"]) == (0, 9, 0)


def test_a_dry_run_holds_out_what_a_run_holds_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A phrase that everyday language has, too, is no phrase that was never trained."""
    phrases = [row.text for row in everyday_rows() if row.origin == "everyday" and "," not in row.text]
    long = [text for text in phrases if len(text) > 25][:9]
    seeds = tmp_path / "list.csv"
    seeds.write_text("\n".join(["text,emoji", *(f"{text},🪿" for text in long)]) + "\n", "utf-8")
    given = ["datagen", str(seeds), "--out", str(tmp_path / "out"), "--json", "--paraphrases", "8"]
    with ModelServer() as server:
        given += ["--teacher", "openai", "--teacher-model", "gpt-6-luna", "--base-url", f"{server.url}/v1"]
        assert main([*given, "--dry-run"]) == 0
        planned = output(capsys)
        assert main(given) == 0
        asked = sum(
            len(seed["styles"]) for request in server.requests for seed in json.loads(request["messages"][1]["content"])
        )
    assert asked == planned["rows"]


def test_a_dry_run_of_the_rules_costs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datagen", PERSONAL, "--dry-run", "--json"]) == 0
    assert output(capsys)["dollars"] == 0


def test_a_preview_costs_a_request(capsys: pytest.CaptureFixture[str]) -> None:
    with ModelServer() as server:
        model = ["--teacher", "openai", "--teacher-model", "m", "--base-url", f"{server.url}/v1"]
        assert main(["datagen", PERSONAL, "--preview", "5", "--json", *model]) == 0
    assert len(server.requests) == 1
    rows = output(capsys)["rows"]
    assert len(rows) == 20 and {row["seed"] for row in rows} >= {"Operation Teapot is go"}
    assert all(row["verdict"] == "kept" and "register=" in row["cell"] for row in rows)


def test_inspect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datagen", PERSONAL, "--out", str(tmp_path / "out"), "--teacher", "offline"]) == 0
    capsys.readouterr()
    assert main(["datagen", "inspect", str(tmp_path / "out"), "--json"]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert result["statistics"]["splits"]["train"] == 503 and "more than asked for" in captured.err
    likeness = [row["similarity"] for row in result["nearest"]]
    assert likeness == sorted(likeness, reverse=True) and 0.3 < likeness[0] < 0.8
    assert {row["split"] for row in result["nearest"]} <= {"validation", "heldout_paraphrases", "heldout_seeds"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["datagen", PERSONAL], "no folder to write into"),
        (["datagen", "inspect", "."], "holds no dataset"),
        (["datagen", "inspect"], "inspect has no folder"),
        (["datagen", PERSONAL, "more", "--out", "x"], "one argument too many"),
        (["datagen", PERSONAL, "--out", "x", "--teacher", "openai"], "no --teacher-model"),
        (["datagen", PERSONAL, "--out", "x", "--teacher", "openai", "--teacher-model", "m"], "no key"),
        (["datagen", PERSONAL, "--dry-run", "--teacher", "gemini", "--axes", "register"], "'register'"),
        (["datagen", PERSONAL, "--dry-run", "--teacher", "gemini", "--price", "a lot"], "--price is 'a lot'"),
    ],
)
def test_wrong_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(given) == 2
    assert told in capsys.readouterr().err
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_datasets_opens_the_folder(tmp_path: Path, kind: str) -> None:
    from datasets import load_dataset

    out = tmp_path / "out"
    assert main(["datagen", PERSONAL, "--out", str(out), "--teacher", "offline"]) == 0
    cache = str(tmp_path / "cache")
    if kind == "parquet":
        loaded = load_dataset(str(out), cache_dir=cache)
    else:
        loaded = load_dataset("json", data_files={s: str(out / f"{s}.jsonl") for s in SPLITS}, cache_dir=cache)
    lines = (out / "train.jsonl").read_text("utf-8").splitlines()
    assert loaded["train"].num_rows == len(lines) and set(loaded) == set(SPLITS)
    assert dict(loaded["train"][5]) == json.loads(lines[5])
