"""Jobs in threads beside one in this thread."""

from __future__ import annotations

import threading

import pytest

from browser_tests.side_by_side import side_by_side


def test_all_run_at_once_and_results_keep_their_order() -> None:
    met = threading.Barrier(3, timeout=20)

    def job(number: int) -> int:
        met.wait()  # passes only where three wait at once
        return number

    assert side_by_side(lambda: job(0), [lambda stop: job(1), lambda stop: job(2)]) == (0, [1, 2])
    assert side_by_side(list, []) == ([], [])


def test_an_interruption_stops_the_others_first() -> None:
    ended: list[bool] = []

    def other(stop: threading.Event) -> None:
        ended.append(stop.wait(20))

    def here() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        side_by_side(here, [other, other])
    assert ended == [True, True]


def test_an_error_of_another_goes_up() -> None:
    def broken(stop: threading.Event) -> None:
        raise RuntimeError("no adapter")

    with pytest.raises(RuntimeError, match="no adapter"):
        side_by_side(list, [broken])
