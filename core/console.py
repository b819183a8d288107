"""What a person sees while something runs. Everything here goes to standard error: standard output is for results."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]


def is_first_process() -> bool:
    """False in all but one of several processes that train together (torchrun and `accelerate launch` number them)."""
    return int(os.environ.get("RANK") or 0) == 0


def say(message: str) -> None:
    if is_first_process():
        print(message, file=sys.stderr, flush=True)


@contextmanager
def progress(
    label: str, total: int, unit: str = "texts", running: Callable[[], str] | None = None
) -> Iterator[Advance]:
    """A bar with a rate and an end on a terminal, a line every ten seconds elsewhere. Yields advance(n).

    `running` gives a figure to show along, such as the money spent so far."""
    along = lambda: f", {running()}" if running else ""
    on_terminal = sys.stderr.isatty() and is_first_process()
    with (_bar if on_terminal else _lines)(label, total, unit, along) as advance:
        yield advance


@contextmanager
def _bar(label: str, total: int, unit: str, along: Callable[[], str]) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(label, total=total, rate="")
        started = time.monotonic()

        def advance(n: int) -> None:
            bars.advance(task, n)
            done = bars.tasks[task].completed
            bars.update(task, rate=f"{done / max(time.monotonic() - started, 1e-9):.2f} {unit}/s{along()}")

        yield advance


@contextmanager
def _lines(label: str, total: int, unit: str, along: Callable[[], str]) -> Iterator[Advance]:
    started = last = time.monotonic()
    done, told = 0, -1

    def line() -> None:
        nonlocal told
        told = done
        elapsed = time.monotonic() - started
        rate = done / max(elapsed, 1e-9)
        left = f", {(total - done) / rate:.0f} s left" if rate and done < total else ""
        say(f"{label}: {done}/{total} {unit}, {rate:.2f} {unit}/s{left}{along()}")

    def advance(n: int) -> None:
        nonlocal done, last
        done += n
        if time.monotonic() - last >= 10:
            last = time.monotonic()
            line()

    yield advance
    if told != done:
        line()
