"""Held-out-paraphrase recall: other words than the trained ones, the seed's emoji all the same."""

from __future__ import annotations

from collections.abc import Sequence

from pocketmoji.core.records import EvaluationText, Prediction
from pocketmoji.evaluate.metrics.exact_match import exact_match


def paraphrase_recall(texts: Sequence[EvaluationText], predictions: Sequence[Prediction]) -> float | None:
    """For each seed the share of its held-out paraphrases that give exactly its emoji, then the mean over the seeds.

    Macro: a seed counts once, however many paraphrases it has. None if no paraphrase was asked. (Scores of a run's
    summary count each paraphrase once instead; the two are the same where each seed has one.)
    """
    by_seed: dict[str, list[bool]] = {}
    for text, prediction in zip(texts, predictions, strict=True):
        if text.group in ("paraphrase", "other_words"):
            by_seed.setdefault(text.seed_id, []).append(exact_match(prediction, text.emoji))
    shares = [sum(exact) / len(exact) for exact in by_seed.values()]
    return sum(shares) / len(shares) if shares else None
