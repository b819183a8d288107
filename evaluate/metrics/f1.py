"""Order-free F1: how much of the expected emoji the answer has, and how little else."""

from __future__ import annotations

from collections import Counter

from pocketmoji.core.records import Prediction
from pocketmoji.evaluate.metrics.answer import answer_emoji, emoji_of


def f1(prediction: Prediction, expected: str) -> float:
    """2 · shared / (emoji in the answer + emoji in `expected`), 0 to 1.

    Shared counts each emoji as often as both have it; order does not matter. It is the harmonic mean of precision and
    recall. An answer that is not compliant has 0.
    """
    answer, wanted = answer_emoji(prediction), emoji_of(expected)
    if not answer or not wanted:
        return 0.0
    if answer == wanted:
        return 1.0
    return 2 * (Counter(answer) & Counter(wanted)).total() / (len(answer) + len(wanted))
