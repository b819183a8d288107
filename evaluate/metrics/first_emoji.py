"""First emoji: the answer begins as expected. The first emoji carries most of what a reader takes from an answer."""

from __future__ import annotations

from evaluate.metrics.compliance import answer_emoji
from pocketmoji.emoji import normalise, split_emoji
from pocketmoji.records import Prediction


def first_emoji(prediction: Prediction, expected: str) -> bool:
    """True if a compliant answer's first emoji is the first of `expected` (a whole sequence, not a part of one)."""
    answer = answer_emoji(prediction)
    wanted = split_emoji(normalise(expected))
    return answer is not None and wanted is not None and answer[:1] == wanted[:1]
