"""Intervals by resampling seeds: texts of one seed stand or fall together, so they are drawn together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from pocketmoji.core.records import Interval
from pocketmoji.evaluate.statistics.proportion import wilson

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 1_000


def clustered_mean(values: Sequence[float], seeds: Sequence[str], macro: bool, random_seed: int = 0) -> Interval | None:
    """The mean of `values` (0 to 1) with a 95% percentile interval over resampled seeds; None without values.

    `seeds` names the seed of each value. macro: the mean over seeds of each seed's mean. n is the number of values.
    Source: Davison and Hinkley, "Bootstrap Methods and their Application" (1997), 2.4 and 3.8. Where all values are 0
    or all are 1 resampling sees nothing; there the interval is Wilson's for that many seeds.
    """
    if not values:
        return None
    sums, sizes = cluster_sums(values, seeds)
    if macro:
        sums, sizes = sums / sizes, sizes * 0 + 1
    value = float(sums.sum() / sizes.sum())
    low, high = _percentiles(sums, sizes, random_seed)
    if low == high and (value <= 0 or value >= 1):
        ends = wilson(len(sums) if value >= 1 else 0, len(sums))
        low, high = ends.low, ends.high
    return Interval(value=value, low=min(low, value), high=max(high, value), n=len(values))


def clustered_difference(
    differences: Sequence[float], seeds: Sequence[str], macro: bool, random_seed: int = 0
) -> Interval:
    """The mean of paired differences (-1 to 1) with a 95% percentile interval over resampled seeds.

    Both models' answers to a text stay together, and the texts of a seed. Where no two answers differ resampling sees
    nothing; there the interval reaches as far as Wilson's upper limit for none of so many seeds, to both sides.
    """
    sums, sizes = cluster_sums(differences, seeds)
    if macro:
        sums, sizes = sums / sizes, sizes * 0 + 1
    value = float(sums.sum() / sizes.sum())
    low, high = _percentiles(sums, sizes, random_seed)
    if low == high:
        reach = wilson(0, len(sums)).high
        low, high = max(-1.0, value - reach), min(1.0, value + reach)
    return Interval(value=value, low=min(low, value), high=max(high, value), n=len(differences))


def cluster_sums(values: Sequence[float], seeds: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Per seed, in order of first appearance, the sum and the number of its values."""
    import numpy as np

    numbers: dict[str, int] = {}
    index = np.fromiter((numbers.setdefault(seed, len(numbers)) for seed in seeds), np.int64, len(seeds))
    sums = np.bincount(index, weights=np.asarray(values, float), minlength=len(numbers))
    return sums, np.bincount(index, minlength=len(numbers)).astype(float)


def _percentiles(sums: np.ndarray, sizes: np.ndarray, random_seed: int) -> tuple[float, float]:
    import numpy as np

    drawn = _draws(len(sums), random_seed)
    # Rounding keeps the last bits, which the order of summing decides, out of the result.
    means = np.round((drawn @ sums) / (drawn @ sizes), 12)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


@lru_cache(maxsize=8)
def _draws(clusters: int, random_seed: int) -> np.ndarray:
    """How often each of `clusters` is drawn in each resample: the same for every metric, so that they can
    be compared.
    """
    import numpy as np

    source = np.random.default_rng(random_seed)
    rows = np.arange(RESAMPLES, dtype=np.int32)[:, None] * clusters
    chosen = source.integers(0, clusters, (RESAMPLES, clusters), dtype=np.int32) + rows
    return np.bincount(chosen.ravel(), minlength=RESAMPLES * clusters).reshape(RESAMPLES, clusters).astype(float)
