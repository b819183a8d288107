"""The same phrase as people type it: in capitals, in title case, as a hashtag, with one typo."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection

FORMS = ("capitals", "title case", "hashtag", "typo")
ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
TRIES = 20


def typed(text: str, form: str, trained: Collection[str] = (), random_seed: int = 0) -> str | None:
    """`text` in one of FORMS; None where that is the text itself. A typo is none of `trained` and always the same for
    the same text and seed."""
    if form == "typo":
        return _typo(text, trained, random_seed)
    changed = CASES[form](text)
    return None if changed == text else changed


def hashtag(text: str) -> str:
    return "#" + "".join(word.capitalize() for word in text.split())


CASES: dict[str, Callable[[str], str]] = {"capitals": str.upper, "title case": str.title, "hashtag": hashtag}


def _typo(text: str, trained: Collection[str], random_seed: int) -> str | None:
    """One slip in a word: two letters swapped, one dropped, one doubled, or the key beside it."""
    source = random.Random(f"{random_seed}\0{text}")
    # Inside a word of four letters or more, as most typos are: the first letter is seldom wrong.
    places = [i for word in re.finditer(r"[^\W\d_]{4,}", text) for i in range(word.start() + 1, word.end())]
    places = places or [i for i, character in enumerate(text) if character.isalpha()]
    for _ in range(TRIES if places else 0):
        at = source.choice(places)
        slip = source.choice((_swap, _drop, _double, _neighbour))
        changed = slip(text, at, source)
        if changed != text and changed.strip() and changed not in trained:
            return changed
    return None


def _swap(text: str, at: int, source: random.Random) -> str:
    if at + 1 >= len(text) or not text[at + 1].isalpha():
        return text
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _drop(text: str, at: int, source: random.Random) -> str:
    return text[:at] + text[at + 1 :]


def _double(text: str, at: int, source: random.Random) -> str:
    return text[: at + 1] + text[at:]


def _neighbour(text: str, at: int, source: random.Random) -> str:
    """Another key of the same row; a letter that is on no key of it stays."""
    row = next((row for row in ROWS if text[at].lower() in row), "")
    if not row:
        return text
    place = row.index(text[at].lower())
    key = source.choice([row[i] for i in (place - 1, place + 1) if 0 <= i < len(row)])
    return text[:at] + (key.upper() if text[at].isupper() else key) + text[at + 1 :]
