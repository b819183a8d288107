"""Repetition: how much of an answer was said in it before."""

from __future__ import annotations

from pocketmoji.core.records import Prediction
from pocketmoji.evaluate.metrics.answer import emoji_of


def repetition(prediction: Prediction) -> float:
    """1 - distinct units / units, 0 (nothing twice) towards 1 (one thing over and over). Lower is better.

    Units are the emoji of an output that is emoji only, the words of any other: it judges ramblers too, and answers
    that were cut off. An empty output has 0.
    """
    units = emoji_of(prediction.raw) or prediction.raw.split()
    return 1 - len(set(units)) / len(units) if units else 0.0
