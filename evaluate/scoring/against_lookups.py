"""Does a model do at least as well as the best look-up? One paired test per metric, as a gate can use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pocketmoji.core.records import EvaluationText, Record
from pocketmoji.evaluate.scoring.measures import Measure
from pocketmoji.evaluate.statistics.bootstrap import cluster_sums
from pocketmoji.evaluate.statistics.significance import sign_flip

METRICS = ("other_words_recall", "everyday_acceptable")
"""What a look-up could do instead: find the phrase that was meant, or the emoji that the words name."""


class AgainstLookup(Record):
    """A model and the look-up that is best at `metric`, on the same `n` texts.

    p_worse is the one-sided p that the model is no worse (small: it is), p_better that it is no better, both of the
    sign-flip test over seeds, which for one text a seed is McNemar's.
    """

    metric: str
    runtime: str
    lookup: str
    n: int
    value: float
    lookup_value: float
    only_model: int
    only_lookup: int
    p_worse: float
    p_better: float


def against_lookups(
    texts: Sequence[EvaluationText],
    columns: Mapping[str, Mapping[str, Sequence[float]]],
    measures: Mapping[str, Measure],
    runtimes: Sequence[str],
    lookups: Sequence[str],
) -> list[AgainstLookup]:
    """Every runtime in each of METRICS that has texts, beside the best of `lookups`; nothing if there is no look-up."""
    found = []
    for metric in METRICS:
        kept = [i for i, text in enumerate(texts) if text.group in measures[metric].groups]
        if not kept or not lookups:
            continue
        of = {name: [columns[name][metric][i] for i in kept] for name in (*runtimes, *lookups)}
        best = max(lookups, key=lambda name: sum(of[name]))
        seeds = [texts[i].seed_id for i in kept]
        for runtime in runtimes:
            gains = [ours - theirs for ours, theirs in zip(of[runtime], of[best], strict=True)]
            sums, _ = cluster_sums(gains, seeds)
            found.append(
                AgainstLookup(
                    metric=metric,
                    runtime=runtime,
                    lookup=best,
                    n=len(kept),
                    value=sum(of[runtime]) / len(kept),
                    lookup_value=sum(of[best]) / len(kept),
                    only_model=sum(gain > 0 for gain in gains),
                    only_lookup=sum(gain < 0 for gain in gains),
                    p_worse=round(sign_flip(sums, alternative="less"), 6),
                    p_better=round(sign_flip(-sums, alternative="less"), 6),
                )
            )
    return found
