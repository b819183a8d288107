"""Per model and metric one figure per text, and from them the scores with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pocketmoji.core.errors import InputError
from pocketmoji.core.records import EvaluationText, Interval, Prediction
from pocketmoji.evaluate.scoring.measures import Measure
from pocketmoji.evaluate.statistics.bootstrap import clustered_mean
from pocketmoji.evaluate.statistics.proportion import wilson

Column = list[float]


def score_texts(
    texts: Sequence[EvaluationText], predictions: Sequence[Prediction], measures: Mapping[str, Measure]
) -> dict[str, Column]:
    """Every metric of every answer, also of texts that the metric is not about. `predictions` answer
    `texts` in order.
    """
    if not texts:
        raise InputError("there are no evaluation texts", expected="at least one")
    if [t.text for t in texts] != [p.text for p in predictions]:
        raise ValueError("predictions must answer the texts one by one, in their order")
    computed: dict[int, Column] = {}  # metrics that differ only in their texts share one function
    for measure in measures.values():
        if id(measure.values) not in computed:
            computed[id(measure.values)] = measure.values(texts, predictions)
    return {name: computed[id(measure.values)] for name, measure in measures.items()}


def aggregate(
    texts: Sequence[EvaluationText],
    columns: Mapping[str, Sequence[float]],
    measures: Mapping[str, Measure],
    random_seed: int = 0,
) -> dict[str, Interval | None]:
    """Each metric over its texts: a proportion with Wilson's interval, a mean with one over resampled seeds."""
    found: dict[str, Interval | None] = {}
    for name, measure in measures.items():
        kept = [i for i, text in enumerate(texts) if text.group in measure.groups]
        values = [columns[name][i] for i in kept]
        if not values:
            found[name] = None
        elif measure.kind == "proportion":
            found[name] = wilson(round(sum(values)), len(values))
        else:
            seeds = [texts[i].seed_id for i in kept]
            found[name] = clustered_mean(values, seeds, measure.kind == "macro", random_seed)
    return found
