"""Qualified form: a compliant answer that is also spelt as Unicode recommends."""

from __future__ import annotations

from functools import lru_cache

from evaluate.metrics.compliance import compliant
from pocketmoji.emoji import is_fully_qualified
from pocketmoji.records import Prediction


def qualified_form(prediction: Prediction) -> bool:
    """True if a compliant answer has every emoji in its fully-qualified form.

    A missing U+FE0F is valid, and no other metric minds it; but some systems then draw the emoji as black text.
    """
    return compliant(prediction) and _qualified(prediction.raw)


_qualified = lru_cache(maxsize=65_536)(is_fully_qualified)
