"""Intervals that behave at 0% and 100%."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt

from pocketmoji.core.records import Interval

Z_95 = 1.959963984540054  # the normal distribution's 97.5% quantile


def wilson(successes: int, n: int) -> Interval:
    """A proportion with its 95% Wilson score interval, which has a width at 0/n and n/n too.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927):
    centre (p + z²/2n) / (1 + z²/n), half width z / (1 + z²/n) · sqrt(p(1-p)/n + z²/4n²).
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}: expected n >= 1 and 0 <= successes <= n")
    p, z2 = successes / n, Z_95**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    # Rounding may put an end a hair on the wrong side of the proportion itself.
    return Interval(value=p, low=max(0.0, min(centre - half, p)), high=min(1.0, max(centre + half, p)), n=n)


def proportion(outcomes: Iterable[bool]) -> Interval | None:
    """The share of True among `outcomes` with its interval, None if there are none."""
    values = list(outcomes)
    return wilson(sum(values), len(values)) if values else None
