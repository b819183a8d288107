"""Wilson's interval at its ends and against published values."""

from __future__ import annotations

import pytest

from pocketmoji.evaluate.statistics.proportion import proportion, wilson


def test_known_values() -> None:
    """Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I, method 3."""
    for successes, n, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)]:
        interval = wilson(successes, n)
        assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)
    assert wilson(1, 29).low == pytest.approx(0.0061, abs=5e-5)


@pytest.mark.parametrize("n", [1, 3, 200])
def test_never_of_zero_width(n: int) -> None:
    none, all_ = wilson(0, n), wilson(n, n)
    assert none.low == 0 < none.high and all_.low < 1 == all_.high
    assert none.high == pytest.approx(1 - all_.low)


def test_holds_the_proportion() -> None:
    for n in range(1, 60):
        for successes in range(n + 1):
            interval = wilson(successes, n)
            assert 0 <= interval.low <= interval.value <= interval.high <= 1


def test_impossible_counts_and_no_counts() -> None:
    for successes, n in [(1, 0), (0, 0), (3, 2), (-1, 2)]:
        with pytest.raises(ValueError, match="successes"):
            wilson(successes, n)
    assert proportion([]) is None
    interval = proportion([True, False])
    assert interval is not None and (interval.value, interval.n) == (0.5, 2)
