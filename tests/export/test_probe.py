"""Which answer goes to the page with the model."""

from __future__ import annotations

from pathlib import Path

from pocketmoji.core.records import Prediction, write_jsonl
from pocketmoji.evaluate.scoring.scores import SeedScore
from pocketmoji.export.probe import find_probe


def write(
    folder: Path, name: str, *answers: tuple[str, str, list[int]], expected: str = "🎉", trained: bool = True
) -> None:
    scores = {"texts": 1, "compliant": 1, "exact": 1, "overlapping": 1}
    seeds = [
        SeedScore(seed_id=text, text=text, expected=expected, answer=raw, trained=trained, **scores)
        for text, raw, _ in answers
    ]
    predictions = [
        Prediction(text=t, raw=raw, tokens=tokens, stopped=tokens[-1] == 1, seconds=1) for t, raw, tokens in answers
    ]
    write_jsonl(folder / f"{name}.seeds.jsonl", seeds)
    write_jsonl(folder / f"{name}.predictions.jsonl", predictions)


def test_a_right_answer_of_some_length_on_which_all_agree(tmp_path: Path) -> None:
    write(
        tmp_path,
        "onnx_q4",
        ("short", "🎉", [5, 1]),
        ("good", "🎉", [5, 6, 7, 1]),
        ("a near tie", "🎉", [5, 6, 7, 8, 1]),
        ("wrong", "🍪", [5, 6, 7, 8, 1]),
        ("never stops", "🎉", [5, 6, 7, 8, 9]),
    )
    write(tmp_path, "onnx_q8", ("good", "🎉", [5, 6, 7, 1]), ("a near tie", "🎉", [5, 6, 7, 9, 1]))
    assert find_probe(tmp_path, "onnx_q4", ["onnx_q4", "onnx_q8"]) == {"text": "good", "tokens": [5, 6, 7, 1]}


def test_nothing_that_was_trained_is_right(tmp_path: Path) -> None:
    write(tmp_path, "onnx_q4", ("party", "🎉", [5, 1]), trained=False)
    assert find_probe(tmp_path, "onnx_q4", ["onnx_q4"]) is None
