"""Exact match: the expected emoji in the expected order."""

from __future__ import annotations

from evaluate.metrics.compliance import answer_emoji
from pocketmoji.emoji import normalise, split_emoji
from pocketmoji.records import Prediction


def exact_match(prediction: Prediction, expected: str) -> bool:
    """True if a compliant answer is `expected`, both in fully-qualified form (a missing U+FE0F is no difference)."""
    answer = answer_emoji(prediction)
    return answer is not None and answer == split_emoji(normalise(expected))
