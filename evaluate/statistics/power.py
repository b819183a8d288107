"""The smallest difference that a paired test could have seen: what "no difference" is worth."""

from __future__ import annotations

from math import ceil, comb, log2, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

POWER = 0.8
STEPS = 400


def smallest_detectable(
    sums: np.ndarray, sizes: np.ndarray, *, level: float = 0.05, sides: int = 2, power: float = POWER
) -> float | None:
    """The smallest loss that the clustered paired test would find with chance `power`, 0 to 1; None if it finds none.

    `sums` are each seed's sum of differences, `sizes` its number of texts (1 with the mean as its sum, for a macro
    metric). The loss is thought of as each text, on its own, going from right to wrong with that chance, on top of the
    noise that `sums` show. Two conditions, the harder counts: the normal approximation of the test's power (as in
    Lachenbruch's for McNemar's test, Statistics in Medicine 11 (1992), with the variance taken over seeds), and that
    enough seeds change at all for the exact test to reach `level`.
    """
    import numpy as np

    clusters = len(sums)
    share = sizes / sizes.sum()
    means = np.asarray(sums, float) / sizes
    # One more seed with one text that changed: no noise seen in few seeds does not mean that there is none.
    noise = (float(((means - means.mean()) ** 2).sum()) + float(1 / sizes.mean()) ** 2) / (clusters + 1)
    normal = NormalDist()
    z_level, z_power = normal.inv_cdf(1 - level / sides), normal.inv_cdf(power)
    fewest = ceil(log2(sides / level))
    for step in range(1, STEPS + 1):
        loss = step / STEPS
        spread = noise + loss * (1 - loss) / sizes
        under = sqrt(float((share**2 * (spread + loss**2)).sum()))
        beside = sqrt(float((share**2 * spread).sum()))
        changed = float((1 - (1 - loss) ** sizes).mean())
        enough = 1 - sum(
            comb(clusters, k) * changed**k * (1 - changed) ** (clusters - k) for k in range(min(fewest, clusters + 1))
        )
        if loss >= z_level * under + z_power * beside and enough >= power:
            return loss
    return None
