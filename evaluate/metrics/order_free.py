"""Order-free match: the expected emoji, each as often as expected, in any order."""

from __future__ import annotations

from collections import Counter

from evaluate.metrics.compliance import answer_emoji
from pocketmoji.emoji import normalise, split_emoji
from pocketmoji.records import Prediction


def order_free_match(prediction: Prediction, expected: str) -> bool:
    """True if a compliant answer has the same emoji as `expected`, counted, in whatever order."""
    answer = answer_emoji(prediction)
    return answer is not None and Counter(answer) == Counter(split_emoji(normalise(expected)))
