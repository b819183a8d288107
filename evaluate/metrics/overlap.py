"""Overlap: the answer and the expectation have something in common."""

from __future__ import annotations

from evaluate.metrics.answer import answer_emoji, emoji_of
from pocketmoji.records import Prediction


def shares_an_emoji(prediction: Prediction, expected: str) -> bool:
    """True if a compliant answer has at least one emoji in common with `expected`."""
    return not set(answer_emoji(prediction) or ()).isdisjoint(emoji_of(expected) or ())
