"""Overlap: how transfer to seeds that were not trained is judged."""

from __future__ import annotations

from evaluate.metrics.compliance import answer_emoji
from pocketmoji.emoji import normalise, split_emoji
from pocketmoji.records import Prediction


def shares_an_emoji(prediction: Prediction, expected: str) -> bool:
    """True if a compliant answer has at least one emoji in common with `expected`.

    Nobody told the model what these seeds mean, so an exact match would be luck; one emoji in common says that it
    carried something over. It is a proportion, so it has a Wilson interval like the others.
    """
    return bool(set(answer_emoji(prediction) or ()) & set(split_emoji(normalise(expected)) or ()))
