"""The axes along which paraphrases differ on purpose. Each one is asked for in a cell: a value of every axis."""

from __future__ import annotations

import hashlib
import math
from functools import lru_cache

from pocketmoji.core.errors import InputError

AXES = {
    "register": ("casual", "neutral", "excited", "formal", "dry", "affectionate"),
    "persona": ("a teenager", "a parent", "a colleague", "a close friend", "a grandparent"),
    "channel": ("chat message", "status line", "spoken aloud", "e-mail subject", "caption under a photo"),
    "length": ("two to four words", "one short sentence", "one longer sentence"),
    "form": ("statement", "statement", "question", "exclamation"),
    "spelling": ("standard", "standard", "standard", "slang and abbreviations", "one typing slip"),
}
"""A value that stands twice is asked for twice as often."""


def parse_axes(given: str) -> dict[str, tuple[str, ...]]:
    """The axes of a setting such as "register=casual|formal; language=German|English"; "" gives the built-in ones."""
    if not given.strip():
        return AXES
    axes = {}
    for part in filter(str.strip, given.split(";")):
        name, separator, values = part.partition("=")
        chosen = tuple(value.strip() for value in values.split("|") if value.strip())
        if not separator or not name.strip() or not chosen:
            raise InputError(
                f"--axes has the part {part.strip()!r}",
                expected="NAME=VALUE|VALUE; NAME=VALUE|VALUE, for instance register=casual|formal; length=short|long",
                where="settings of datagen",
            )
        axes[name.strip()] = chosen
    return axes


def cells(seed_id: str, axes: dict[str, tuple[str, ...]], first: int, count: int) -> list[str]:
    """Cells number `first` to `first + count` of a seed, as rows remember them: "register=casual, length=one line".

    Every axis goes through all its values before one comes again, each axis in an order of the seed's own (a Latin
    hypercube), so that a handful of paraphrases already covers every axis evenly.
    """
    chosen = [_values(seed_id, name, values, first, count) for name, values in axes.items()]
    return [", ".join(cell) for cell in zip(*chosen, strict=True)]


def _values(seed_id: str, name: str, values: tuple[str, ...], first: int, count: int) -> list[str]:
    turn, place = divmod(first, len(values))
    drawn: list[str] = []
    while len(drawn) < place + count:
        drawn += _shuffled(f"{seed_id}:{name}:{turn}", name, values)
        turn += 1
    return drawn[place : place + count]


def _shuffled(key: str, name: str, values: tuple[str, ...]) -> tuple[str, ...]:
    """Each value as NAME=VALUE, in an order that the key decides, on every version of Python: the prompts, and so the
    fingerprints of what was paid for, hang on it. Sixteen bytes are enough for the orders of 34 values."""
    lot = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=16).digest(), "big")
    return _in_order(lot % math.factorial(len(values)), name, values)


@lru_cache(maxsize=4096)
def _in_order(number: int, name: str, values: tuple[str, ...]) -> tuple[str, ...]:
    """The same in order `number` of all their orders: the same few come again in every request."""
    pool, drawn = [f"{name}={value}" for value in values], []
    while pool:
        number, place = divmod(number, len(pool))
        drawn.append(pool.pop(place))
    return tuple(drawn)
