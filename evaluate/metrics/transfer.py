"""Transfer: phrases that were not trained at all."""

from __future__ import annotations

from collections.abc import Sequence

from pocketmoji.core.records import EvaluationText, Prediction
from pocketmoji.evaluate.metrics.overlap import shares_an_emoji


def transfer(texts: Sequence[EvaluationText], predictions: Sequence[Prediction]) -> float | None:
    """The share of texts of untrained seeds whose compliant answer has an emoji of theirs; None if there are none.

    Nobody told the model what these seeds mean, so an exact match would be luck; one emoji in common says that it
    carried something over.
    """
    pairs = zip(texts, predictions, strict=True)
    shared = [shares_an_emoji(p, t.emoji) for t, p in pairs if t.group == "heldout_seed"]
    return sum(shared) / len(shared) if shared else None
