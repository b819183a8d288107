"""Stopped by itself: the model knew when it was done."""

from __future__ import annotations

from pocketmoji.core.records import Prediction


def stopped(prediction: Prediction) -> bool:
    """True if the model ended its answer itself, False if the limit on new tokens did."""
    return prediction.stopped
