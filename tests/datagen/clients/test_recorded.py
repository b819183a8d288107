"""The recorded teacher: real paraphrases from a file, rules for what it does not have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pocketmoji.cli import main
from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.records import SPLITS, Example, read_jsonl
from pocketmoji.datagen.generate import generate

PERSONAL = Path(__file__).resolve().parents[3] / "seeds/personal.csv"
LIST = """text,emoji
Operation Teapot is go,🫖🚀
The raccoon is back,🦝🔦
Sushi with the crew,🍣🥢
Payday at last,💸🎉
"""
SAID = [
    ("Go, teapot!", "register=casual, form=exclamation"),
    ("The mission with the kettle has begun", "register=formal, form=statement"),
    ("is the tea pot thing on?", "register=casual, form=question"),
]


def a_list(folder: Path, said: list[tuple[str, str]] = SAID) -> Path:
    path = folder / "mine.csv"
    path.write_text(LIST, "utf-8")
    lines = [json.dumps({"text": "operation teapot is go", "paraphrase": p, "style": style}) for p, style in said]
    (folder / "mine.recorded.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return path


def rows_of(folder: Path) -> list[Example]:
    return [row for split in SPLITS for row in read_jsonl(folder / f"{split}.jsonl", Example) if row.origin != "seed"]


def test_the_recording_comes_first_and_rules_fill_up(tmp_path: Path) -> None:
    generate(a_list(tmp_path), DatagenConfig(paraphrases=5), tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    by_phrase = {emoji: [row for row in rows if row.emoji == emoji] for emoji in ("🫖🚀", "🦝🔦")}
    recorded = {row.text for row in rows if row.origin == "recorded:mine.recorded.jsonl"}
    assert recorded == {text for text, _ in SAID} <= {row.text for row in by_phrase["🫖🚀"]}
    assert len(by_phrase["🫖🚀"]) == 5 and all(row.origin.startswith("offline:") for row in by_phrase["🦝🔦"])
    statistics = json.loads((tmp_path / "out/statistics.json").read_text("utf-8"))
    assert statistics["teacher"] == "recorded:mine.recorded.jsonl" and 0 < statistics["share_of_rules"] < 1
    # What a model wrote is what is held back.
    held = read_jsonl(tmp_path / "out/heldout_paraphrases.jsonl", Example)
    assert {row.origin for row in held if row.emoji == "🫖🚀"} == {"recorded:mine.recorded.jsonl"}


def test_the_same_bytes_again_and_from_another_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        generate(a_list(tmp_path / name), DatagenConfig(paraphrases=5), tmp_path / name / "out")
    assert (tmp_path / "a/out/README.md").read_bytes() == (tmp_path / "b/out/README.md").read_bytes()
    assert (tmp_path / "a/out/train.jsonl").read_bytes() == (tmp_path / "b/out/train.jsonl").read_bytes()


def test_the_shipped_list_has_real_paraphrases_of_every_phrase(tmp_path: Path) -> None:
    generate(PERSONAL, DatagenConfig(), tmp_path / "out")
    statistics = json.loads((tmp_path / "out/statistics.json").read_text("utf-8"))
    assert statistics["share_of_rules"] == 0 and not statistics["seeds_short"]
    assert statistics["splits"]["heldout_paraphrases"] == 2 * statistics["seeds_trained"]
    assert statistics["axes"]["register"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--teacher", "recorded"], "has no recording"),
        (["--recording", "nowhere.jsonl"], "there is no file nowhere.jsonl"),
    ],
)
def test_a_recording_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    path = tmp_path / "other.csv"
    path.write_text(LIST, "utf-8")
    assert main(["datagen", str(path), "--out", str(tmp_path / "out"), *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_line_that_is_no_paraphrase_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = a_list(tmp_path)
    (tmp_path / "mine.recorded.jsonl").write_text('{"text": "x"}\n', "utf-8")
    assert main(["datagen", str(path), "--out", str(tmp_path / "out")]) == 2
    assert "mine.recorded.jsonl, line 1" in capsys.readouterr().err
