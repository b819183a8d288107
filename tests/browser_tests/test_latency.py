from __future__ import annotations

import random

import pytest

from pocketmoji.browser_tests.engines.latency import median_interval, quantile_interval


def test_known_ranks() -> None:
    """n = 20: the 95% interval of a median goes from the 6th to the 15th value (tables of the sign test)."""
    found = median_interval(list(range(1, 21)))
    assert (found.value, found.low, found.high, found.n) == (10.5, 6, 15, 20)


def test_few_values_give_the_whole_sample() -> None:
    found = median_interval([3.0, 1.0, 2.0])
    assert (found.low, found.value, found.high) == (1, 2, 3)


def test_covers_what_it_says() -> None:
    draw = random.Random(1)
    for share, truth in ((0.5, 0.5), (0.9, 0.9)):
        hits = 0
        for _ in range(1000):
            found = quantile_interval([draw.random() for _ in range(50)], share)
            hits += found.low <= truth <= found.high
        assert hits >= 940


def test_nothing_measured() -> None:
    with pytest.raises(ValueError, match="no values"):
        median_interval([])
