"""Compliance: the model answered with emoji and nothing else, and then stopped by itself."""

from __future__ import annotations

from pocketmoji.core.records import Prediction
from pocketmoji.evaluate.metrics.answer import answer_emoji


def compliant(prediction: Prediction) -> bool:
    """True if the raw output is one or more emoji and nothing else (no space, no text) up to a stop token.

    An output that the limit on new tokens cut off is not compliant, whatever is in it: a user would have seen it go on.
    """
    return answer_emoji(prediction) is not None
