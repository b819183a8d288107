"""Latencies compared as ratios of neighbours in time, with intervals that assume nothing of their distribution."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from statistics import median

from pocketmoji.core.records import Interval


def quantile_interval(values: Sequence[float], share: float) -> Interval:
    """The sample quantile with the 95% interval that its order statistics give.

    The count of values below the true quantile is binomial(n, share): the interval goes from the l-th to the u-th
    smallest value such that at most 2.5% lie beyond each end (Conover, Practical Nonparametric Statistics, 3rd edition,
    section 3.2). With few values that is the whole sample, whose cover is then less than 95%.
    """
    if not values:
        raise ValueError("a quantile of no values")
    ordered, n = sorted(values), len(values)
    mass = [comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)]
    # The k-th smallest (from 1) lies above the true quantile with probability P(fewer than k values are below it).
    lower = [k for k in range(1, n + 1) if sum(mass[:k]) <= 0.025]
    upper = [k for k in range(1, n + 1) if sum(mass[k:]) <= 0.025]
    low, high = ordered[lower[-1] - 1] if lower else ordered[0], ordered[upper[0] - 1] if upper else ordered[-1]
    value = quantile(ordered, share)
    return Interval(value=value, low=min(low, value), high=max(high, value), n=n)


def median_interval(values: Sequence[float]) -> Interval:
    return quantile_interval(values, 0.5).model_copy(update={"value": median(values)})


def quantile(values: Sequence[float], share: float) -> float:
    """Linear interpolation between the two nearest values; 0 where nothing was measured."""
    if not values:
        return 0.0
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)
