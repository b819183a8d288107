"""First emoji: the answer begins as expected. The first emoji carries most of what a reader takes from an answer."""

from __future__ import annotations

from pocketmoji.core.records import Prediction
from pocketmoji.evaluate.metrics.answer import answer_emoji, emoji_of


def first_emoji(prediction: Prediction, expected: str) -> bool:
    """True if a compliant answer's first emoji is the first of `expected` (a whole sequence, not a part of one)."""
    answer = answer_emoji(prediction)
    wanted = emoji_of(expected)
    return answer is not None and wanted is not None and answer[:1] == wanted[:1]
