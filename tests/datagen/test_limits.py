from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from pocketmoji.datagen.clients.client import wait_told
from pocketmoji.datagen.executors.limits import Gate, PerMinute
from pocketmoji.datagen.requests.axes import AXES, cells, parse_axes
from pocketmoji.datagen.requests.teacher import run_async


def pass_through(gate: Gate, outcomes: list[bool]) -> list[int]:
    """The limit after each of these answers, one after the other; True is a refusal."""

    async def run() -> list[int]:
        seen = []
        for busy in outcomes:
            await gate.enter()
            gate.leave(busy=busy)
            seen.append(int(gate.limit))
        return seen

    return run_async(run())


def test_the_limit_rises_until_the_server_objects_then_halves_and_creeps_up() -> None:
    gate = Gate(64)
    assert pass_through(gate, [False] * 56)[-1] == 64
    assert min(pass_through(gate, [True] * 20)) == 16
    assert 17 <= pass_through(gate, [False] * 30)[-1] <= 18


def test_a_lone_refusal_slows_nobody() -> None:
    gate = Gate(64)
    limits = pass_through(gate, ([False] * 30 + [True]) * 10)
    assert limits[-1] == 64 and min(limits[60:]) == 64


def test_no_more_in_flight_than_the_limit() -> None:
    gate = Gate(5)
    most = 0

    async def one() -> None:
        nonlocal most
        await gate.enter()
        most = max(most, gate.in_flight)
        await asyncio.sleep(0)
        gate.leave()

    async def all_at_once() -> None:
        await asyncio.gather(*(one() for _ in range(100)))

    run_async(all_at_once())
    assert most == 5 and gate.in_flight == 0


def test_no_sixty_seconds_have_more_than_the_limit() -> None:
    window, now, times = PerMinute(10), 0.0, []
    for _ in range(95):
        while wait := window.wait(1, now):
            assert wait > 0
            now += wait
        times.append(now)
        now += 0.7
    for start in times:
        assert sum(start <= then < start + 60 - 1e-6 for then in times) <= 10
    # And it is not slower than it has to be.
    assert times[-1] <= 60 * 9 + 10


def test_a_unit_larger_than_the_limit_still_passes() -> None:
    window = PerMinute(10)
    assert window.wait(25, 0.0) == 0 and window.wait(1, 1.0) == pytest.approx(59.0)
    assert PerMinute(0).wait(10**9, 0.0) == 0


def test_cells_cover_every_axis_evenly() -> None:
    found = cells("seed", AXES, 0, 60)
    for axis, values in AXES.items():
        count = Counter(dict(part.split("=") for part in cell.split(", "))[axis] for cell in found)
        for value in set(values):
            assert count[value] == pytest.approx(60 * values.count(value) / len(values), abs=1)
    # Later rounds go on where earlier ones stopped, and another seed has another order.
    assert cells("seed", AXES, 0, 12) == cells("seed", AXES, 0, 5) + cells("seed", AXES, 5, 7)
    assert cells("seed", AXES, 0, 12) != cells("other", AXES, 0, 12)


def test_axes_of_ones_own() -> None:
    assert parse_axes("language=German|English; length = short | long ") == {
        "language": ("German", "English"),
        "length": ("short", "long"),
    }


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [
        ({"error": {"details": [{"@type": "x/google.rpc.RetryInfo", "retryDelay": "7.5s"}]}}, {}, 7.5),
        ({}, {"Retry-After": "3"}, 3.0),
        ({}, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({}, {"Retry-After": "soon"}, None),
        ({"error": "a string"}, {}, None),
        (None, None, None),
    ],
)
def test_what_a_server_asks_to_wait(body: object, headers: object, seconds: float | None) -> None:
    assert wait_told(body, headers) == seconds
