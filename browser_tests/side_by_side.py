"""Pages side by side, each in a thread with a Playwright driver of its own: what is not timed need not wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
S = TypeVar("S")


def side_by_side(here: Callable[[], S], others: Sequence[Callable[[threading.Event], T]]) -> tuple[S, list[T]]:
    """What `here`, run in this thread, and each of `others`, run in threads meanwhile, return.

    An error or Ctrl-C in this thread sets the event that the others were given, and goes up when they have ended.
    """
    stop = threading.Event()
    with ThreadPoolExecutor(max(1, len(others))) as pool:
        running = [pool.submit(other, stop) for other in others]
        try:
            return here(), [job.result() for job in running]
        except BaseException:
            stop.set()
            raise
