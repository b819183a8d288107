"""Count within a range: neither a lone emoji where three were taught nor a dozen."""

from __future__ import annotations

from pocketmoji.core.records import Prediction
from pocketmoji.evaluate.metrics.answer import answer_emoji


def count_in_range(prediction: Prediction, low: int, high: int) -> bool:
    """True if a compliant answer has at least `low` and at most `high` emoji (whole sequences, both ends included)."""
    return low <= len(answer_emoji(prediction) or ()) <= high
