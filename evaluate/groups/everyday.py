"""Everyday phrases with all emoji that would do: a file that is never trained (its card lies beside it)."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

FILE = Path(__file__).parents[1] / "data" / "everyday.csv"
GRAM, NEAR = 5, 0.8  # as datagen: near-duplicates share this much of their character 5-grams


@lru_cache(maxsize=1)
def everyday_phrases() -> tuple[tuple[str, str], ...]:
    """Every phrase and, one behind the other, the emoji any of which would do."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return tuple((row["text"], row["emoji"]) for row in csv.DictReader(file))


def not_near(phrases: Sequence[tuple[str, str]], trained: Iterable[str]) -> list[tuple[str, str]]:
    """`phrases` without those that are trained: on a list that has "Thank you", that list says what is right."""
    shapes = [_grams(text) for text, _ in phrases]
    containing: dict[str, list[int]] = {}
    for i, shape in enumerate(shapes):
        for gram in shape:
            containing.setdefault(gram, []).append(i)
    near: set[int] = set()
    for text in trained:
        shape = _grams(text)
        shared = Counter(i for gram in shape for i in containing.get(gram, ()))
        near |= {i for i, n in shared.items() if n >= NEAR * (len(shape) + len(shapes[i]) - n)}
    return [phrase for i, phrase in enumerate(phrases) if i not in near]


def _grams(text: str) -> frozenset[str]:
    folded = text.casefold()
    normal = re.sub(r"[\W_]+", "", folded) or folded
    return frozenset(normal[i : i + GRAM] for i in range(max(1, len(normal) - GRAM + 1)))
