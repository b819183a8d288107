"""The list as memory: its phrase that is nearest to a text, and where that one's emoji stand among a model's answers.

A model that was tuned on a list still gets some of its own phrases wrong when they come in other words. The phrases lie
beside the model in `memory.json`, and demo/src/memory.ts recalls them by the same rules.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log
from pathlib import Path
from typing import TypeGuard

from pocketmoji.core.errors import InputError
from pocketmoji.core.text.plain import plain
from pocketmoji.core.workspace import read_object, write_text

MEMORY_FILE = "memory.json"
SIZES = (2, 3, 4)
DIGITS = 9  # of a similarity: logarithms differ in the last bits from one machine to another
# Measured on the shipped list with two models of it (`python -m benchmarks.anything`, the columns with memory): put
# first from 0.55 on, what is recalled takes other words from 89.2% to 92.3% exact, or from 93.8% to 98.5%; everyday
# phrases lose nothing, rows of Google's list 2 of 300; from 0.4 on, other texts lose. Between the two thresholds it may
# only stand second.
FIRST, SECOND = 0.55, 0.35
_SELECTOR = "\ufe0f"


@dataclass(frozen=True)
class Recalled:
    """The phrase of the list that is nearest to a text, its emoji, and how near it is: 1 is the same words."""

    text: str
    emoji: str
    similarity: float


class Nearest:
    """Finds of some texts the one nearest to another: TF-IDF over character n-grams, cosine similarity.

    A plain text (plain.py), padded with a space at each end of a word, is its n-grams of 2 to 4 characters within
    words. One weighs (1 + ln tf) · (1 + ln((1 + N) / (1 + df))), vectors are of length 1; the first of equally near
    texts counts. Source: Salton and Buckley, Information Processing and Management 24 (1988), as in scikit-learn's
    TfidfVectorizer.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        counts = [Counter(ngrams(text)) for text in texts]
        frequency = Counter(gram for count in counts for gram in count)
        self.weight = {gram: 1 + log((1 + len(counts)) / (1 + df)) for gram, df in frequency.items()}
        self.containing: dict[str, list[tuple[int, float]]] = {}
        for i, count in enumerate(counts):
            for gram, value in self._vector(count).items():
                self.containing.setdefault(gram, []).append((i, value))

    def find(self, text: str) -> tuple[int, float] | None:
        """The number of the nearest text, and its similarity; None if none has an n-gram in common with `text`."""
        near: dict[int, float] = {}
        for gram, value in self._vector(Counter(ngrams(text))).items():
            for i, other in self.containing.get(gram, ()):
                near[i] = near.get(i, 0.0) + value * other
        best = max(near, key=lambda i: (round(near[i], DIGITS), -i), default=None)
        return None if best is None else (best, round(near[best], DIGITS))

    def _vector(self, count: Counter[str]) -> dict[str, float]:
        """The weights of a text's known n-grams, of length 1."""
        found = {gram: (1 + log(n)) * self.weight[gram] for gram, n in count.items() if gram in self.weight}
        length = sum(value * value for value in found.values()) ** 0.5
        return {gram: value / length for gram, value in found.items()} if length else {}


def ngrams(text: str) -> list[str]:
    """The character n-grams of each word of the plain text, its padding included."""
    words = [f" {word} " for word in plain(text).split()]
    return [word[i : i + size] for word in words for size in SIZES for i in range(len(word) - size + 1)]


class Memory:
    """Phrases and their emoji, to be recalled. Of rows that contradict each other the first counts."""

    def __init__(self, rows: Iterable[tuple[str, str]]) -> None:
        self.rows = list(rows)

    @cached_property
    def _nearest(self) -> Nearest:
        return Nearest(text for text, _ in self.rows)  # who only counts the rows need not wait for it

    def recall(self, text: str) -> Recalled | None:
        """The nearest row; None if nothing in the list is like `text` at all."""
        found = self._nearest.find(text)
        return Recalled(*self.rows[found[0]], found[1]) if found else None


def merge(said: Sequence[str], recalled: Recalled | None, count: int) -> list[tuple[str, str | None]]:
    """At most `count` answers, each with the phrase that it was recalled from (None: the model's own).

    `said` are a model's, the greedy one first. What is recalled stands before them from the similarity FIRST on, second
    from SECOND on unless the greedy answer is the same, and not at all below. The same emoji are said once.
    """
    own: list[tuple[str, str | None]] = [(emoji, None) for emoji in said]
    if recalled is None or recalled.similarity < SECOND:
        return own[:count]
    place = 0 if recalled.similarity >= FIRST else 1
    if place and said and is_same(said[0], recalled.emoji):
        return own[:count]
    others = [one for one in own if not is_same(one[0], recalled.emoji)]
    return [*others[:place], (recalled.emoji, recalled.text), *others[place:]][:count]


def is_same(emoji: str, other: str) -> bool:
    """Whether two answers are the same emoji; a missing U+FE0F is no difference."""
    return emoji.replace(_SELECTOR, "") == other.replace(_SELECTOR, "")


def write_memory(folder: Path, rows: Iterable[tuple[str, str]]) -> Path:
    """Write phrases and their emoji into a model's folder."""
    listed = list(rows)
    told = {"texts": [text for text, _ in listed], "emoji": [emoji for _, emoji in listed]}
    path = folder / MEMORY_FILE
    write_text(path, json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n")
    return path


def read_memory(folder: Path) -> Memory | None:
    """The memory in a model's folder; None where it has none. InputError for a file that is none."""
    path = folder / MEMORY_FILE
    if not path.is_file():
        return None
    found = read_object(path)
    texts, emoji = found.get("texts"), found.get("emoji")
    if not _are_strings(texts) or not _are_strings(emoji) or len(texts) != len(emoji):
        raise InputError(
            f"{path.name} is no memory",
            expected='as many "texts" as "emoji"',
            where=path,
            remedy="export anew; `pocketmoji ask --no-memory` does without",
        )
    return Memory(zip(texts, emoji, strict=True))


def _are_strings(found: object) -> TypeGuard[list[str]]:
    return isinstance(found, list) and all(isinstance(one, str) for one in found)
