"""Paired tests against figures worked out by hand, intervals at the ends, and the power that they claim."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from pocketmoji.core.records import EvaluationText
from pocketmoji.evaluate.scoring.comparison import compare
from pocketmoji.evaluate.scoring.measures import measures
from pocketmoji.evaluate.statistics.bootstrap import cluster_sums, clustered_difference, clustered_mean
from pocketmoji.evaluate.statistics.power import smallest_detectable
from pocketmoji.evaluate.statistics.significance import holm, mcnemar, sign_flip


def test_mcnemar_by_hand() -> None:
    assert mcnemar(0, 0) == mcnemar(3, 3) == 1
    assert mcnemar(0, 5) == mcnemar(5, 0) == pytest.approx(2 / 32)
    assert mcnemar(1, 7) == pytest.approx(2 * (1 + 8) / 256)
    assert mcnemar(900, 1100) == pytest.approx(7.9e-06, rel=0.1)  # beyond what 2.0 ** n could hold


def test_sign_flip_with_one_text_per_seed_is_mcnemar() -> None:
    for down, up in [(0, 6), (2, 7), (5, 5), (1, 1)]:
        sums = np.array([-1] * down + [1] * up + [0] * 20)
        assert sign_flip(sums) == pytest.approx(mcnemar(down, up))
    assert sign_flip(np.array([-1] * 5), alternative="less") == pytest.approx(1 / 32)
    assert sign_flip(np.array([1] * 5), alternative="less") == 1
    assert sign_flip(np.zeros(4)) == 1


def test_sign_flip_counts_a_seed_once() -> None:
    """Four texts that fall together are one observation: McNemar over texts would be sure, over seeds nothing is."""
    assert mcnemar(8, 0) < 0.01 and sign_flip(np.array([-4, -4])) == pytest.approx(0.5)


def test_random_flips_agree_with_exact_ones() -> None:
    sums = np.array([-3, -1, 2, -2, -4, 1, -1, -2])
    assert sign_flip(sums + 1e-6 * np.arange(8)) == pytest.approx(sign_flip(sums), abs=0.02)


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0] and holm([]) == []


def test_clustered_interval_is_wider_than_one_over_texts() -> None:
    values = [1.0] * 40 + [0.0] * 40
    together = clustered_mean(values, [f"s{i // 8}" for i in range(80)], macro=False)
    alone = clustered_mean(values, [f"s{i}" for i in range(80)], macro=False)
    assert together is not None and alone is not None
    assert together.high - together.low > 1.8 * (alone.high - alone.low)
    assert together.low < together.value == 0.5 < together.high


def test_macro_counts_a_seed_once() -> None:
    found = clustered_mean([1, 1, 1, 0], ["a", "a", "a", "b"], macro=True)
    assert found is not None and (found.value, found.n) == (0.5, 4)
    assert clustered_mean([], [], macro=True) is None
    sums, sizes = cluster_sums([1, 0, 1], ["a", "b", "a"])
    assert (list(sums), list(sizes)) == ([2, 0], [2, 1])


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_means_at_the_ends_have_a_width(value: float) -> None:
    found = clustered_mean([value] * 30, [f"s{i % 10}" for i in range(30)], macro=False)
    assert found is not None and found.value == value and found.high - found.low > 0.2
    none = clustered_difference([0.0] * 30, [f"s{i % 10}" for i in range(30)], macro=False)
    assert none.low < 0 == none.value < none.high


def unpaired(a: int, b: int, n: int) -> float:
    """Fisher's exact test of a of n against b of n, two-sided: what one has without pairs."""
    whole = comb(2 * n, n)
    chance = lambda k: comb(a + b, k) * comb(2 * n - a - b, n - k) / whole
    return sum(chance(k) for k in range(min(a + b, n) + 1) if a + b - k <= n and chance(k) <= chance(a) * (1 + 1e-9))


def test_the_paired_test_finds_what_the_unpaired_one_misses() -> None:
    """Of 120 texts one model has 90, the other the same 90 but eight: no overlap of noise, a plain loss."""
    texts = [EvaluationText(text=f"t{i}", emoji="🎉", seed_id=f"s{i}", group="seed") for i in range(120)]
    before = [1.0] * 90 + [0.0] * 30
    after = [0.0] * 8 + before[8:]
    known = {name: one for name, one in measures(1, 3).items() if name == "seed_recall"}
    (found,) = compare(texts, {"a": {"seed_recall": before}, "b": {"seed_recall": after}}, known)
    assert found.differs and found.p < 0.01 and (found.only_a, found.only_b) == (8, 0)
    assert found.difference.high < 0
    assert unpaired(90, 82, 120) > 0.2


def test_detectable_shrinks_with_more_seeds_and_is_what_it_says() -> None:
    small, large = (smallest_detectable(np.zeros(n), np.ones(n), sides=1) for n in (40, 400))
    assert small is not None and large is not None and large < small / 5
    assert smallest_detectable(np.zeros(3), np.ones(3), sides=1) is None  # three seeds cannot show anything at 5%
    source = np.random.default_rng(0)
    alarms = [sign_flip(-(source.random(40) < small).astype(float), alternative="less") <= 0.05 for _ in range(400)]
    assert np.mean(alarms) >= 0.8
