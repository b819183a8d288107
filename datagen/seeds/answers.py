"""An answer as people write it down, read as emoji: what was done to it has a name, what cannot be read a fault."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from pocketmoji.core.text.cldr import short_name, words
from pocketmoji.core.text.emoji import VARIATION_SELECTOR_15, VARIATION_SELECTOR_16, find_fault, normalise, split_emoji
from pocketmoji.datagen.filters.filters import has_emoji
from pocketmoji.datagen.seeds.keys import INVISIBLE

# What was done to an answer, in the words of a note.
DONE = {
    "selectors": "missing or needless variation selectors (U+FE0F) put right",
    "encoding": "UTF-8 that had been read as another encoding, put right",
    "spelled": "spelled out (:tada:, U+1F389, &#127881;), read as the emoji that is named",
    "style": "the black-and-white form (U+FE0E) was asked for, taken as emoji",
    "wrapping": "quotation marks, brackets, a label or the emoji's name taken off",
    "separators": "spaces, commas or invisible characters between emoji taken out",
    "cells": "several cells put together in their order",
}
# Slack and GitHub write a skin tone behind the name, Discord inside it; both count from the lightest, Slack from 2.
_TONE_INSIDE = re.compile(r":([\w+-]+?)_tone([1-5]):")
_SHORTCODE = re.compile(r":[\w+’'.()&!-]+:(?::skin[-_]tone[-_][2-6]:)?")
_FLAG = re.compile(r":flag[-_]([a-z]{2}):")
_CODE_POINT = re.compile(r"(?:U\+|\\U000|\\u\{|0x)([0-9A-F]{4,6})\}?", re.IGNORECASE)
_ESCAPED = re.compile(r"(?:\\u[0-9A-Fa-f]{4})+")
# One of these is in every emoji that is spelled out.
_SPELLED = (":", "&#", "\\", "U+", "u+", "0x")
_LABEL = re.compile(r"^[^\W\d_][\w ]{0,30}[:=]\s*")
_WRAPPING = "\"'`*_“”„‘’«»()[]{}<>.!…~ \t"
_SEPARATORS = re.compile(r"[\s,;+&、，；·•]+")
_CHOICE = re.compile(r"\s*(?:/|\||\bor\b|\boder\b|\bou\b|\bo\b)\s*", re.IGNORECASE)
_LOST = re.compile(r"^[?\ufffd□\s]+$")


@dataclass(frozen=True)
class Answer:
    """`emoji` is normalised; `done` are keys of DONE; `fault` says why it is no answer."""

    emoji: str
    done: tuple[str, ...] = ()
    fault: str | None = None


def read_answer(given: str) -> Answer:
    """The emoji that a cell stands for, if there is no doubt about them."""
    given = given.strip()
    emoji = normalise(given)
    if not given:
        return Answer("", fault="column emoji: it is empty")
    if not find_fault(emoji):
        return Answer(emoji, ("selectors",) if emoji != given else ())
    done: list[str] = []
    read = given
    for name, step in _STEPS:
        if step in _BARING and not has_emoji(read):
            break
        changed = step(read)
        if changed != read:
            done.append(name)
            read = changed
        # Between two emoji only what separates them goes: spaces must not join the halves of a flag.
        pieces = [normalise(piece) for piece in _SEPARATORS.split(read) if piece]
        if pieces and not any(map(find_fault, pieces)):
            joined = "".join(pieces)
            if len(split_emoji(joined) or []) == sum(len(split_emoji(piece) or []) for piece in pieces):
                return Answer(joined, (*done, *(("separators",) if _SEPARATORS.search(read) else ())))
    return Answer(emoji, fault=_fault(given, emoji))


def is_answer(cell: str) -> bool:
    """True if the cell can be read as emoji, however they are written."""
    if cell.isascii() and not any(mark in cell for mark in _SPELLED):
        return False
    return bool(cell.strip()) and read_answer(cell).fault is None


def _fault(given: str, emoji: str) -> str:
    if _LOST.match(given):
        return (
            f"column emoji: {given!r}: the emoji were lost when the file was saved in an encoding that has none;"
            " save the list as CSV UTF-8"
        )
    parts = _CHOICE.split(emoji)
    if len(parts) > 1 and all(part and not find_fault(part) for part in parts):
        return f"column emoji: {given!r} is a choice: one row has one answer, write the one that you want"
    unknown = [code for code in _SHORTCODE.findall(given) if not _named(code)]
    if unknown and not _SEPARATORS.sub("", _SHORTCODE.sub("", given)):
        return f"column emoji: {unknown[0]} names no emoji of Unicode's (a server's own?): write the emoji itself"
    column, fault = 1, find_fault(emoji)
    # Spaces and commas would have been no fault: what stands between them is.
    for piece in re.finditer(r"[^\s,;]+", emoji):
        if inside := find_fault(piece[0]):
            column, fault = piece.start() + 1, inside
            break
    assert fault
    column += fault.column - 1
    shown = f" ({fault.character!r})" if fault.character.isprintable() and not fault.character.isspace() else ""
    return f"column emoji, character {column} of {emoji!r}: {fault.reason}{shown}"


def _encoding(cell: str) -> str:
    fixed = cell if cell.isascii() or has_emoji(cell) else mend_encoding(cell)
    return fixed if has_emoji(fixed) else cell


def mend_encoding(text: str) -> str:
    """UTF-8 that was taken for Latin-1 or Windows-1252 read as UTF-8 again: "ðŸŽ‰" is 🎉; other text as it is."""
    raw = bytearray()
    for character in text:
        try:
            raw += character.encode("cp1252")
        except UnicodeEncodeError:
            # Windows leaves five bytes without a letter, and Latin-1 has the same numbers as Unicode.
            if ord(character) > 0xFF:
                return text
            raw.append(ord(character))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return text


def _spelled(cell: str) -> str:
    if not any(mark in cell for mark in _SPELLED):
        return cell
    read = html.unescape(cell)
    read = _ESCAPED.sub(_pairs, read)
    read = _CODE_POINT.sub(lambda match: _character(match[1]), read)
    read = _TONE_INSIDE.sub(lambda match: f":{match[1]}::skin-tone-{int(match[2]) + 1}:", read)
    return _SHORTCODE.sub(lambda match: _named(match[0]) or match[0], read)


def _pairs(match: re.Match[str]) -> str:
    """JSON's escapes, in which an emoji is two halves; left as it is if a half is alone."""
    units = bytes.fromhex(match[0].lower().replace("\\u", ""))
    try:
        return units.decode("utf-16-be")
    except UnicodeDecodeError:
        return match[0]


def _character(code: str) -> str:
    number = int(code, 16)
    return chr(number) if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else code


@lru_cache(maxsize=4_096)
def _named(code: str) -> str:
    """The emoji of a shortcode, in the spelling of Slack, GitHub, Discord or CLDR; empty if there is none."""
    from emoji import emojize

    name, _, tone = code.partition("::")
    name = name if not tone else name + ":"
    if flag := _FLAG.fullmatch(name):
        return "".join(chr(0x1F1E6 + ord(letter) - ord("a")) for letter in flag[1])
    for spelling in (name, name.lower(), name.lower().replace("-", "_")):
        for language in ("alias", "en"):
            found = emojize(spelling, language=language)
            if found != spelling:
                return _with_tone(found, chr(0x1F3FB + int(tone[-2]) - 2)) if tone else found
    return ""


def _with_tone(emoji: str, tone: str) -> str:
    """The emoji with a skin tone, which stands behind the person and before what the person does."""
    toned = emoji[0] + tone + emoji[1:].removeprefix(VARIATION_SELECTOR_16)
    return "" if find_fault(normalise(toned)) else toned


def _style(cell: str) -> str:
    return cell.replace(VARIATION_SELECTOR_15, VARIATION_SELECTOR_16)


def _wrapping(cell: str) -> str:
    bare = _LABEL.sub("", cell).strip(_WRAPPING)
    return bare if has_emoji(bare) else cell


def _name(cell: str) -> str:
    """Without the emoji's own name beside it: "🎉 party popper"."""
    from emoji import emoji_list, replace_emoji

    emoji = [str(piece["emoji"]) for piece in emoji_list(cell)]
    rest = set(words(replace_emoji(cell, " ")))
    names = {word for one in emoji for word in words(short_name(one))}
    return "".join(emoji) if emoji and rest and rest == names else cell


def _invisible(cell: str) -> str:
    return INVISIBLE.sub("", cell)


_STEPS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("encoding", _encoding),
    ("separators", _invisible),
    ("spelled", _spelled),
    ("style", _style),
    ("wrapping", _wrapping),
    ("wrapping", _name),
)
# Steps that take away what stands beside emoji.
_BARING = (_wrapping, _name)
