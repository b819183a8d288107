"""Answers from a file are scored as a model's are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pocketmoji.core.errors import InputError
from pocketmoji.evaluate.runtimes.predictions_file import PredictionsFile


def test_answers_come_in_the_order_that_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "said.jsonl"
    file.write_text('{"text": "a", "raw": "🎉"}\n\n{"text": "b", "raw": "no", "stopped": false}\n', "utf-8")
    b, a = PredictionsFile(file).predict(["b", "a"])
    assert (a.raw, a.stopped, b.raw, b.stopped) == ("🎉", True, "no", False)


@pytest.mark.parametrize("line", ["no json", '{"text": "a"}', "[1]", '{"text": "a", "raw": "🎉", "other": 1}'])
def test_a_line_that_is_no_answer_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "said.jsonl"
    file.write_text('{"text": "a", "raw": "🎉"}\n' + line + "\n", "utf-8")
    with pytest.raises(InputError, match=r"line 2 is no answer[\s\S]*said.jsonl:2"):
        PredictionsFile(file)


def test_a_text_without_an_answer_is_named(tmp_path: Path) -> None:
    file = tmp_path / "said.jsonl"
    file.write_text(json.dumps({"text": "a", "raw": "🎉"}), "utf-8")
    with pytest.raises(InputError, match="no answer to 'b'"):
        PredictionsFile(file).predict(["a", "b"])
