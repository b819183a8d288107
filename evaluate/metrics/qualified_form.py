"""Qualified form: a compliant answer that is also spelt as Unicode recommends."""

from __future__ import annotations

from pocketmoji.core.records import Prediction
from pocketmoji.evaluate.metrics.answer import answer_emoji


def qualified_form(prediction: Prediction) -> bool:
    """True if a compliant answer has every emoji in its fully-qualified form.

    A missing U+FE0F is valid, and no other metric minds it; but some systems then draw the emoji as black text.
    """
    answer = answer_emoji(prediction)
    return answer is not None and "".join(answer) == prediction.raw
