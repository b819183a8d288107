"""What a teacher is: something that writes paraphrases of seeds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pocketmoji.core.records import Seed

T = TypeVar("T")
BY_RULES = "offline:"
"""What the origin of a row begins with that rules made and no model."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A seed, how many paraphrases are wanted, and texts that are no longer of use (those already received).

    `asked` is how many were asked for in earlier rounds: the axes of diversity go on from there."""

    seed: Seed
    wanted: int
    avoid: tuple[str, ...] = ()
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A paraphrase as the teacher gave it, not yet filtered. `origin` is "offline:<rule>" or "<teacher>:<model>";
    `cell` says where on the axes of diversity it stands ("register=casual, length=short")."""

    text: str
    origin: str
    cell: str = ""


class Teacher(Protocol):
    """`name` goes into the dataset card: "offline" or "<teacher>:<model>". `exhausted` says why it stopped asking
    before everything was asked ("the budget ..."), and is empty while it may go on."""

    name: str

    @property
    def exhausted(self) -> str: ...

    def paraphrase(self, asks: Sequence[Ask], done: Callable[[int], None]) -> Iterator[list[Candidate]]:
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
