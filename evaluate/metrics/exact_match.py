"""Exact match: the expected emoji in the expected order."""

from __future__ import annotations

from pocketmoji.core.records import Prediction
from pocketmoji.evaluate.metrics.answer import answer_emoji, emoji_of


def exact_match(prediction: Prediction, expected: str) -> bool:
    """True if a compliant answer is `expected`, both in fully-qualified form (a missing U+FE0F is no difference)."""
    answer = answer_emoji(prediction)
    return answer is not None and answer == emoji_of(expected)
