"""What an answer is made of: the ground that the metrics stand on. Each distinct string is read only once."""

from __future__ import annotations

from functools import lru_cache

from pocketmoji.core.records import Prediction
from pocketmoji.core.text.emoji import qualified_emoji


def answer_emoji(prediction: Prediction) -> tuple[str, ...] | None:
    """The emoji of a compliant answer in their fully-qualified form, None for any other answer.

    The metrics that compare emoji start from this, so that only a compliant answer can be right.
    """
    return emoji_of(prediction.raw) if prediction.stopped else None


@lru_cache(maxsize=65_536)
def emoji_of(text: str) -> tuple[str, ...] | None:
    """The fully-qualified emoji that `text` consists of; None if it is empty or anything else is in it."""
    return tuple(qualified_emoji(text) or ()) or None
