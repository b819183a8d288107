"""What a teacher is: something that writes paraphrases of seeds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pocketmoji.records import Seed

T = TypeVar("T")


@dataclass(frozen=True)
class Ask:
    """A seed, how many paraphrases are wanted, and texts that are no longer of use (those already received)."""

    seed: Seed
    wanted: int
    avoid: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """A paraphrase as the teacher gave it, not yet filtered. `origin` is "offline:<rule>" or "<teacher>:<model>"."""

    text: str
    origin: str


class Teacher(Protocol):
    """`name` goes into the dataset card: "offline" or "<teacher>:<model>"."""

    name: str

    async def paraphrase(self, asks: Sequence[Ask], done: Callable[[int], None]) -> list[list[Candidate]]:
        """Candidates for each ask, in the order of `asks`, perhaps fewer than wanted; `done(n)` after n more seeds.

        Raises TeacherError when it cannot go on at all.
        """
        ...


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """What the coroutine returns, also where an event loop runs already: in a notebook, or beside Playwright."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()
