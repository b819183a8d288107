"""Acceptable: for a phrase that is on nobody's list there are many right answers, and one of them is enough."""

from __future__ import annotations

from pocketmoji.core.records import Prediction
from pocketmoji.evaluate.metrics.overlap import shares_an_emoji


def acceptable(prediction: Prediction, would_do: str) -> bool:
    """True if a compliant answer has at least one of the emoji that would do.

    Emoji are compared whole, in fully-qualified form: a skin tone or a gender that is not listed is another emoji.
    """
    return shares_an_emoji(prediction, would_do)
