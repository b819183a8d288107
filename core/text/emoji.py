"""What an emoji is: a sequence that Unicode's emoji-test.txt lists, judged sequence by sequence.

The list comes from the `emoji` package, whose table is generated from emoji-test.txt and keeps its status column.
Components (a lone skin tone, a lone hair style) are in that file but are not emoji on their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

VARIATION_SELECTOR_15 = "\ufe0e"  # asks for the black-and-white form
VARIATION_SELECTOR_16 = "\ufe0f"
ZERO_WIDTH_JOINER = "\u200d"


@lru_cache(maxsize=1)
def emoji_table() -> dict[str, str]:
    """Every emoji sequence mapped to its status: fully_qualified, minimally_qualified or unqualified."""
    from emoji import EMOJI_DATA, STATUS

    names = {number: name for name, number in STATUS.items()}
    return {
        sequence: names[int(data["status"])]
        for sequence, data in EMOJI_DATA.items()
        if names[int(data["status"])] != "component"
    }


@lru_cache(maxsize=1)
def _fully_qualified_by_bare() -> dict[str, str]:
    table = emoji_table()
    return {s.replace(VARIATION_SELECTOR_16, ""): s for s, status in table.items() if status == "fully_qualified"}


@lru_cache(maxsize=1)
def _lengths() -> dict[str, list[int]]:
    """How long the sequences are that begin with a character, the longest first."""
    found: dict[str, set[int]] = {}
    for sequence in emoji_table():
        found.setdefault(sequence[0], set()).add(len(sequence))
    return {first: sorted(lengths, reverse=True) for first, lengths in found.items()}


def fully_qualified_emoji() -> list[str]:
    """All fully-qualified emoji (RGI), in the order of emoji-test.txt's table."""
    return [s for s, status in emoji_table().items() if status == "fully_qualified"]


def _match(text: str, start: int) -> str | None:
    table = emoji_table()
    for length in _lengths().get(text[start], ()):
        if (found := text[start : start + length]) in table:
            return found
    return None


def split_emoji(text: str) -> list[str] | None:
    """The emoji that `text` consists of, longest match first, or None if anything else is in it (spaces included)."""
    found: list[str] = []
    position = 0
    while position < len(text):
        sequence = _match(text, position)
        if sequence is None:
            return None
        found.append(sequence)
        position += len(sequence)
    return found


def qualified_emoji(text: str) -> list[str] | None:
    """As `split_emoji`, each emoji in its fully-qualified form."""
    sequences = split_emoji(text)
    return None if sequences is None else [_qualified(sequence) for sequence in sequences]


def _qualified(sequence: str) -> str:
    return _fully_qualified_by_bare().get(sequence.replace(VARIATION_SELECTOR_16, ""), sequence)


def is_compliant(raw: str) -> bool:
    """True if `raw` is one or more emoji and nothing else."""
    return bool(split_emoji(raw))


def is_fully_qualified(text: str) -> bool:
    """True if `text` is compliant and every emoji in it is in its fully-qualified form."""
    sequences = split_emoji(text)
    return bool(sequences) and all(emoji_table()[s] == "fully_qualified" for s in sequences or [])


def normalise(text: str) -> str:
    """`text` with each emoji in its fully-qualified form; what is not an emoji stays as it is. Idempotent.

    A U+FE0F after an emoji that needs none (phone keyboards write them) is dropped. A character that U+FE0E turns into
    black and white is no emoji.
    """
    out: list[str] = []
    position = 0
    while position < len(text):
        sequence = _match(text, position)
        if sequence is None:
            out.append(text[position])
            position += 1
            continue
        position += len(sequence)
        if text[position : position + 1] == VARIATION_SELECTOR_15:
            out.append(sequence)
            continue
        out.append(_qualified(sequence))
        while text[position : position + 1] == VARIATION_SELECTOR_16:
            position += 1
    return "".join(out)


@dataclass(frozen=True)
class Fault:
    """The first thing in a text that is not an emoji. `column` counts code points from 1."""

    column: int
    character: str
    reason: str


def find_fault(text: str) -> Fault | None:
    """The first fault of an answer, or None if it is emoji and nothing else."""
    if not text:
        return Fault(1, "", "it is empty")
    position = 0
    while position < len(text):
        sequence = _match(text, position)
        if sequence is None:
            return Fault(position + 1, text[position], _reason(text, position))
        position += len(sequence)
    return None


def _reason(text: str, position: int) -> str:
    character = text[position]
    if character == ZERO_WIDTH_JOINER:
        return "a joiner (U+200D) that joins no known emoji sequence: malformed ZWJ sequence"
    if character == VARIATION_SELECTOR_16:
        return "a lone variation selector (U+FE0F)"
    if "\U000e0020" <= character <= "\U000e007f":
        return "a tag of a flag that Unicode's list does not have"
    if "\U0001f3fb" <= character <= "\U0001f3ff":
        return "a skin tone without an emoji that takes one"
    if character.isdigit() or character in "#*":
        return "a digit, # or * that is no keycap"
    if character.isalpha():
        return "a letter"
    if character.isspace():
        return "white space"
    return f"U+{ord(character):04X} is not an emoji"
