"""When two texts count as the same: exactly, after normalising, or by shared character 5-grams (found by MinHash)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

GRAM = 5
NEAR = 0.8
# Twelve bands of three: texts with a Jaccard similarity of 0.8 meet in at least one with probability
# 1 - (1 - 0.8^3)^12 = 0.9998, those with 0.9 practically always.
BANDS, ROWS = 12, 3
HASHES = BANDS * ROWS
# Of 36 hashes, 0.8 is 28.8 equal ones with a deviation of 2.4: below this share the exact check is not worth its time.
ESTIMATE = 0.58

_ASIDE = re.compile(r"[\W_]+")

Array = np.ndarray[Any, Any]


def normalise_text(text: str) -> str:
    """Letters and digits only, casefolded; a text without any keeps what it has, white space aside."""
    folded = text.casefold()
    return _ASIDE.sub("", folded) or "".join(folded.split())


def grams(text: str) -> frozenset[str]:
    """The character 5-grams of the normalised text; a shorter text is its own only gram."""
    normal = normalise_text(text)
    return frozenset(normal[i : i + GRAM] for i in range(max(1, len(normal) - GRAM + 1)))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)


class MinHash:
    """Signatures of texts: for each hash function the smallest hash of any of the text's 5-grams. The share of equal
    places in two signatures estimates the Jaccard similarity of the texts (Broder, 1997)."""

    def __init__(self, random_seed: int = 0, hashes: int = HASHES) -> None:
        rng = np.random.default_rng(random_seed)
        # Odd multipliers permute the 64-bit numbers.
        self._multiply = rng.integers(1, 2**63, hashes, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        self._add = rng.integers(0, 2**63, hashes, dtype=np.uint64)

    def signatures(self, texts: Sequence[str]) -> Array:
        """One row of 32-bit hashes for each text."""
        if not texts:
            return np.zeros((0, len(self._add)), np.uint32)
        # Texts shorter than a gram are padded with a character that no text has.
        padded = [normal.ljust(GRAM, "\0") for normal in map(normalise_text, texts)]
        codes = np.frombuffer("".join(padded).encode("utf-32-le", "replace"), np.uint32).astype(np.uint64)
        lengths = np.array([len(text) for text in padded])
        ends = np.cumsum(lengths)
        hashed = np.zeros(len(codes) - GRAM + 1, np.uint64)
        for place in range(GRAM):
            hashed = (hashed ^ codes[place : place + len(hashed)]) * np.uint64(0x9E3779B97F4A7C15)
            hashed ^= hashed >> np.uint64(29)
        # Windows that reach over the end of a text belong to none.
        inside = np.ones(len(hashed), bool)
        for short in range(1, GRAM):
            over = ends - short
            inside[over[over < len(hashed)]] = False
        own = hashed[inside]
        starts = np.concatenate([[0], np.cumsum(lengths - GRAM + 1)[:-1]])
        found = np.empty((len(texts), len(self._add)), np.uint32)
        for number in range(len(self._add)):
            mixed = (own * self._multiply[number] + self._add[number]) >> np.uint64(32)
            found[:, number] = np.minimum.reduceat(mixed, starts)
        return found


def band_keys(signatures: Array) -> Array:
    """Twelve 64-bit keys a row, never 0: texts that share one, in the same place, may be alike."""
    keys = np.empty((len(signatures), BANDS), np.uint64)
    for band in range(BANDS):
        key = np.full(len(signatures), band + 1, np.uint64)
        for row in range(ROWS):
            key = (key ^ signatures[:, band * ROWS + row]) * np.uint64(0xBF58476D1CE4E5B9)
            key ^= key >> np.uint64(31)
        keys[:, band] = key | np.uint64(1)
    return keys


class NearIndex:
    """Texts that can be asked "is this nearly one of you?" without comparing with each of them.

    Built for millions: a text takes about 500 bytes (its band keys in a table each, a short signature, its own bytes).
    What MinHash proposes is checked by the exact Jaccard similarity, so no pair is called near that is not.
    """

    def __init__(self, texts: Iterable[str] = (), *, random_seed: int = 0) -> None:
        self._hash = MinHash(random_seed)
        self._tables = [_Table() for _ in range(BANDS)]
        self._chain = _Rows(BANDS, np.int32)
        self._short = _Rows(HASHES, np.uint16)
        self._ends = _Rows(1, np.int64)
        self._bytes = bytearray()
        batch = list(texts)
        for start in range(0, len(batch), 1024):
            with self.batch(batch[start : start + 1024]) as rows:
                for row in range(len(rows.texts)):
                    rows.add(row)

    def __len__(self) -> int:
        return self._ends.count

    def text(self, number: int) -> str:
        start = int(self._ends.data[number - 1, 0]) if number else 0
        return self._bytes[start : int(self._ends.data[number, 0])].decode("utf-8", "replace")

    def batch(self, texts: Sequence[str]) -> Batch:
        """Texts whose signatures are computed together; ask and add them one by one, in a `with` block."""
        return Batch(self, texts)

    def near(self, text: str) -> list[int]:
        """The numbers of the texts that are near-duplicates of `text` (Jaccard >= 0.8), equal ones included."""
        with self.batch([text]) as rows:
            return rows.near(0)


class Batch:
    """See NearIndex.batch. `near` also finds what was added in this very batch."""

    def __init__(self, index: NearIndex, texts: Sequence[str]) -> None:
        self.texts = texts
        self._index = index
        signatures = index._hash.signatures(texts)
        self._keys = band_keys(signatures)
        self._short = (signatures & np.uint32(0xFFFF)).astype(np.uint16)
        heads = [table.get(keys) for table, keys in zip(index._tables, self._keys.T, strict=True)]
        self._heads = np.stack(heads, axis=1).tolist()
        self._key_lists: list[list[int]] = self._keys.tolist()
        self._new: list[dict[int, int]] = [{} for _ in range(BANDS)]

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, *_: object) -> None:
        for table, new in zip(self._index._tables, self._new, strict=True):
            if new:
                keys = np.fromiter(new.keys(), np.uint64, len(new))
                table.put(keys, np.fromiter(new.values(), np.int32, len(new)))
            new.clear()

    def near(self, row: int) -> list[int]:
        """Numbers of the texts of the index that text `row` of the batch is a near-duplicate of, lowest first."""
        index, likely = self._index, self.estimated(row)
        if not likely:
            return []
        own = grams(self.texts[row])
        return [n for n in likely if jaccard(own, grams(index.text(n))) >= NEAR]

    def estimated(self, row: int) -> list[int]:
        """Those that may be: MinHash alone takes them for similar by at least ESTIMATE."""
        index, found = self._index, set()
        for band, head in enumerate(self._heads[row]):
            number = self._new[band].get(self._key_lists[row][band], head)
            while number >= 0:
                found.add(number)
                number = int(index._chain.data[number, band])
        if not found:
            return []
        numbers = np.array(sorted(found), np.int64)
        equal = (index._short.data[numbers] == self._short[row]).mean(axis=1)
        likely: list[int] = numbers[equal >= ESTIMATE].tolist()
        return likely

    def add(self, row: int) -> int:
        """Puts text `row` into the index; its number there."""
        index = self._index
        number = len(index)
        keys, heads = self._key_lists[row], self._heads[row]
        index._chain.append([new.get(key, head) for new, key, head in zip(self._new, keys, heads, strict=True)])
        index._short.append(self._short[row])
        index._bytes += self.texts[row].encode("utf-8", "replace")
        index._ends.append(len(index._bytes))
        for new, key in zip(self._new, keys, strict=True):
            new[key] = number
        return number


class _Rows:
    """An array with rows of a fixed width that grows in its place: large ones are moved by the system, not copied."""

    def __init__(self, width: int, kind: Any) -> None:
        self.data: Array = np.empty((1024, width), kind)
        self.count = 0

    def append(self, row: Any) -> None:
        if self.count == len(self.data):
            self.data.resize((self.count + self.count // 8, self.data.shape[1]), refcheck=False)
        self.data[self.count] = row
        self.count += 1


class _Table:
    """A hash table from 64-bit keys (mixed, not 0) to numbers, open addressing in two arrays: 12 bytes a slot, where a
    dict would take a hundred. It grows by a quarter, so that it is never half empty."""

    def __init__(self, size: int = 1024) -> None:
        self._keys = np.zeros(size, np.uint64)
        self._values = np.full(size, -1, np.int32)
        self._used = 0

    def get(self, keys: Array) -> Array:
        """The number of each key, -1 for those that are not there."""
        return self._values[self._slots(keys)]

    def put(self, keys: Array, values: Array) -> None:
        """Sets the numbers of different keys."""
        size = len(self._keys)
        while self._used + len(keys) > 0.7 * size:
            size += size // 4
        if size > len(self._keys):
            larger = _Table(size)
            held = np.flatnonzero(self._keys)
            for start in range(0, len(held), 1 << 16):
                part = held[start : start + (1 << 16)]
                larger.put(self._keys[part], self._values[part])
            self._keys, self._values = larger._keys, larger._values
        todo = np.arange(len(keys))
        while len(todo):
            slots = self._slots(keys[todo])
            self._used += int(np.count_nonzero(self._keys[slots] == 0))
            # Two new keys may want the same free slot: the last one written has it, the others go on.
            self._keys[slots] = keys[todo]
            won = self._keys[slots] == keys[todo]
            self._values[slots[won]] = values[todo[won]]
            todo = todo[~won]

    def _slots(self, keys: Array) -> Array:
        """Where each key stands, or the free slot where it would."""
        size = len(self._keys)
        slots = (((keys >> np.uint64(32)) * np.uint64(size)) >> np.uint64(32)).astype(np.int64)
        todo = np.arange(len(keys))
        while len(todo):
            held = self._keys[slots[todo]]
            todo = todo[(held != 0) & (held != keys[todo])]
            slots[todo] = (slots[todo] + 1) % size
        return slots
