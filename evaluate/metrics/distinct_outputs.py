"""Distinct outputs: a model that says one thing to everything can look compliant; this shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pocketmoji.core.records import Prediction


def distinct_outputs(predictions: Sequence[Prediction]) -> float | None:
    """The number of different raw outputs per text, 1/n (always the same) to 1 (never the same); None without texts.

    Paraphrases of one seed should agree, so the ideal is what the expected answers have, not 1: read it beside theirs.
    """
    return sum(rarity(predictions)) / len(predictions) if predictions else None


def rarity(predictions: Sequence[Prediction]) -> list[float]:
    """Each answer's part in `distinct_outputs`: one over how many texts got the same raw output."""
    count = Counter(prediction.raw for prediction in predictions)
    return [1 / count[prediction.raw] for prediction in predictions]
