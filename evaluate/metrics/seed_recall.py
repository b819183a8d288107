"""Seed recall: the phrases that were trained, word for word."""

from __future__ import annotations

from collections.abc import Sequence

from pocketmoji.core.records import EvaluationText, Prediction
from pocketmoji.evaluate.metrics.exact_match import exact_match


def seed_recall(texts: Sequence[EvaluationText], predictions: Sequence[Prediction]) -> float | None:
    """The share of trained seeds whose own text gives exactly their emoji; None if no seed was asked.

    `predictions` answer `texts` one by one. A seed has one text of its own, so this is a proportion.
    """
    exact = [exact_match(p, t.emoji) for t, p in zip(texts, predictions, strict=True) if t.group == "seed"]
    return sum(exact) / len(exact) if exact else None
