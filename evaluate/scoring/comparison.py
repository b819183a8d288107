"""Two models on the same texts: how much they differ, how sure that is, and what could have been seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from pocketmoji.core.records import EvaluationText, Interval, Record
from pocketmoji.evaluate.scoring.measures import Measure
from pocketmoji.evaluate.statistics.bootstrap import cluster_sums, clustered_difference
from pocketmoji.evaluate.statistics.power import smallest_detectable
from pocketmoji.evaluate.statistics.significance import holm, mcnemar, sign_flip

LEVEL = 0.05


class Comparison(Record):
    """One metric of two models. `difference` is b minus a, with its interval from the paired clustered bootstrap.

    p is of the exact McNemar test for a proportion (over texts), of the clustered sign-flip test for any other;
    p_clustered of the latter always; p_corrected is the larger of the two after Holm's correction over all comparisons
    of the evaluation. only_a and only_b count the texts on which just the one did better. detectable is the smallest
    difference that the clustered test would have found in four of five cases at the 5% level before correction; None:
    none.
    """

    metric: str
    a: str
    b: str
    n: int
    seeds: int
    value_a: float
    value_b: float
    difference: Interval
    only_a: int
    only_b: int
    p: float
    p_clustered: float
    p_corrected: float
    detectable: float | None

    @property
    def differs(self) -> bool:
        return self.p_corrected <= LEVEL


def compare(
    texts: Sequence[EvaluationText],
    table: Mapping[str, Mapping[str, Sequence[float]]],
    measures: Mapping[str, Measure],
    pairs: Sequence[tuple[str, str]] | None = None,
    random_seed: int = 0,
) -> list[Comparison]:
    """Every pair of models (or those of `pairs`) in every primary metric.

    `table` has for each model and metric one figure per text, in the order of `texts`.
    """
    found = []
    for a, b in pairs if pairs is not None else list(combinations(table, 2)):
        for measure in measures.values():
            if measure.primary and any(text.group in measure.groups for text in texts):
                found.append(compare_one(texts, table[a], table[b], measure, (a, b), random_seed))
    corrected = holm([max(one.p, one.p_clustered) for one in found])
    return [one.model_copy(update={"p_corrected": p}) for one, p in zip(found, corrected, strict=True)]


def compare_one(
    texts: Sequence[EvaluationText],
    ours: Mapping[str, Sequence[float]],
    theirs: Mapping[str, Sequence[float]],
    measure: Measure,
    names: tuple[str, str],
    random_seed: int = 0,
) -> Comparison:
    """One metric of two models, without correction."""
    kept = [i for i, text in enumerate(texts) if text.group in measure.groups]
    seeds = [texts[i].seed_id for i in kept]
    before = [ours[measure.name][i] for i in kept]
    after = [theirs[measure.name][i] for i in kept]
    differences = [y - x for x, y in zip(before, after, strict=True)]
    sums, sizes = cluster_sums(differences, seeds)
    macro = measure.kind == "macro"
    if macro:
        sums, sizes = sums / sizes, sizes * 0 + 1
    only_a, only_b = sum(d < 0 for d in differences), sum(d > 0 for d in differences)
    if not measure.higher_is_better:
        only_a, only_b = only_b, only_a
    clustered = sign_flip(sums, random_seed=random_seed)
    p = mcnemar(only_a, only_b) if measure.kind == "proportion" else clustered
    base_a, _ = cluster_sums(before, seeds)
    value_a = float((base_a / cluster_sums(before, seeds)[1]).mean()) if macro else sum(before) / len(before)
    difference = clustered_difference(differences, seeds, macro, random_seed)
    return Comparison(
        metric=measure.name,
        a=names[0],
        b=names[1],
        n=len(kept),
        seeds=len(sums),
        value_a=value_a,
        value_b=value_a + difference.value,
        difference=difference,
        only_a=only_a,
        only_b=only_b,
        p=p,
        p_clustered=clustered,
        p_corrected=max(p, clustered),
        detectable=smallest_detectable(sums, sizes, level=LEVEL),
    )
