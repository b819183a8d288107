"""Overlap: the answer and the expectation have something in common."""

from __future__ import annotations

from pocketmoji.core.records import Prediction
from pocketmoji.evaluate.metrics.answer import answer_emoji, emoji_of


def shares_an_emoji(prediction: Prediction, expected: str) -> bool:
    """True if a compliant answer has at least one emoji in common with `expected`."""
    return not set(answer_emoji(prediction) or ()).isdisjoint(emoji_of(expected) or ())
