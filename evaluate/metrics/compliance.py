"""Compliance: the model answered with emoji and nothing else, and then stopped by itself."""

from __future__ import annotations

from pocketmoji.emoji import is_compliant, normalise, split_emoji
from pocketmoji.records import Prediction


def stopped(prediction: Prediction) -> bool:
    """True if the model ended its answer itself, False if the limit on new tokens did."""
    return prediction.stopped


def compliant(prediction: Prediction) -> bool:
    """True if the raw output is one or more emoji and nothing else (no space, no text) up to a stop token.

    An output that the limit on new tokens cut off is not compliant, whatever is in it: a user would have seen it go on.
    """
    return prediction.stopped and is_compliant(prediction.raw)


def answer_emoji(prediction: Prediction) -> list[str] | None:
    """The emoji of a compliant answer in their fully-qualified form, None for any other answer.

    The metrics that compare emoji start from this, so that only a compliant answer can be right.
    """
    return split_emoji(normalise(prediction.raw)) if compliant(prediction) else None
