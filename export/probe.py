"""A trained text and its answer, shipped with the model: an engine of the page that says otherwise computes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pocketmoji.core.records import Prediction, read_jsonl
from pocketmoji.evaluate.scoring.scores import SeedScore

LENGTH = 5  # tokens: enough to see something, and soon said


def find_probe(export: Path, shipped: str, others: Sequence[str]) -> dict[str, Any] | None:
    """{"text", "tokens"}: an answer to a trained seed that is right and the same in all these artefacts.

    What several artefacts say alike, each rounded in its own way, is no near tie that an engine's own rounding could
    turn. None where there is no such seed: nothing is checked then.
    """
    seeds = read_jsonl(export / f"{shipped}.seeds.jsonl", SeedScore)
    right = {seed.text for seed in seeds if seed.trained and seed.answer == seed.expected}
    answers = _answers(export, shipped)
    rest = [_answers(export, name) for name in others]
    sure = [
        answer
        for text, answer in answers.items()
        if text in right and answer.stopped and all(one[text].tokens == answer.tokens for one in rest if text in one)
    ]
    best = min(sure, key=lambda answer: abs(len(answer.tokens) - LENGTH), default=None)
    return {"text": best.text, "tokens": best.tokens} if best else None


def _answers(export: Path, name: str) -> dict[str, Prediction]:
    return {answer.text: answer for answer in read_jsonl(export / f"{name}.predictions.jsonl", Prediction)}
