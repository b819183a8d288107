"""Order-free match: the expected emoji, each as often as expected, in any order."""

from __future__ import annotations

from pocketmoji.core.records import Prediction
from pocketmoji.evaluate.metrics.answer import answer_emoji, emoji_of


def order_free_match(prediction: Prediction, expected: str) -> bool:
    """True if a compliant answer has the same emoji as `expected`, counted, in whatever order."""
    answer = answer_emoji(prediction)
    return answer is not None and sorted(answer) == sorted(emoji_of(expected) or ())
