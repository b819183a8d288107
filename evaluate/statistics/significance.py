"""Is a difference between two models on the same texts more than chance? Paired tests, and what many tests cost."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

FLIPS = 20_000
ROUNDING = 1e-9


def mcnemar(only_one: int, only_other: int) -> float:
    """The two-sided p of the exact McNemar test: of the texts that one model alone got right, as unequal a split.

    `only_one` and `only_other` count the texts that just the one or just the other got right. Under the hypothesis of
    no difference each such text is a fair coin: p is twice the smaller binomial tail, at most 1. Source: Q. McNemar,
    Psychometrika 12 (1947); exact form in A. Agresti, "Categorical Data Analysis", 3rd ed., 11.1.
    """
    n = only_one + only_other
    tail = sum(comb(n, k) for k in range(min(only_one, only_other) + 1))
    # Whole numbers to the last step: 2 ** n is beyond a float from n = 1024 on.
    return min(1.0, (2 * tail * 10**15 // 2**n) / 10**15)


def sign_flip(sums: np.ndarray, *, alternative: str = "two-sided", random_seed: int = 0) -> float:
    """The p of the clustered paired test: each seed's sum of differences, `sums`, is as likely with the other sign.

    alternative "less" asks whether the sum is smaller than chance gives, "two-sided" whether it is further from 0. With
    one binary text per seed it is the exact McNemar test. Exact where the sums are whole numbers, else from 20,000
    random flips (p then counts the observed one too, so it is never 0). Valid without any assumption but that of
    exchange. Source: R. A. Fisher, "The Design of Experiments" (1935), 21; for clusters, Canay, Romano and Shaikh,
    Econometrica 85 (2017).
    """
    import numpy as np

    moving = np.asarray(sums, float)
    moving = moving[np.abs(moving) > ROUNDING]
    observed = float(moving.sum())
    if not len(moving):
        return 1.0
    whole = np.round(moving)
    if np.allclose(moving, whole, atol=ROUNDING):
        support, chances = _exact(np.abs(whole).astype(int))
    else:
        source = np.random.default_rng(random_seed)
        support = (source.integers(0, 2, (FLIPS, len(moving)), dtype=np.int8) * 2.0 - 1) @ np.abs(moving)
        support = np.append(support, observed)
        chances = np.full(len(support), 1 / len(support))
    less = alternative == "less"
    beyond = support <= observed + ROUNDING if less else np.abs(support) >= abs(observed) - ROUNDING
    return min(1.0, float(chances[beyond].sum()))


def _exact(sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each value that the sum of randomly signed `sizes` can have, and its chance."""
    import numpy as np

    total = int(sizes.sum())
    chances = np.zeros(2 * total + 1)
    chances[total] = 1.0
    for size in sizes:
        shifted = np.zeros_like(chances)
        shifted[size:] += chances[: len(chances) - size] / 2
        shifted[: len(chances) - size] += chances[size:] / 2
        chances = shifted
    return np.arange(-total, total + 1), chances


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values corrected for their number, in their order; compare them with the level itself.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statistics 6 (1979). It holds
    the chance of any false alarm among all tests, however they depend on each other.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected, worst = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        worst = max(worst, min(1.0, p_values[i] * (len(p_values) - rank)))
        corrected[i] = worst
    return corrected
