"""The bytes of a seed file as text: UTF-8, else what its byte order mark, its zeros or its words say beyond doubt."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from pocketmoji.core.errors import InputError
from pocketmoji.core.text.language import fluency, has_word_lists, words
from pocketmoji.datagen.filters.filters import has_emoji

MARKS = (
    (codecs.BOM_UTF8, "utf-8", ""),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
# One byte a letter: the code page, what it is called, and languages that are written in it.
CODE_PAGES = (
    ("cp1252", "Windows-1252", "en de fr es it pt nl sv da nb fi ca id"),
    ("mac_roman", "Mac OS Roman", "en de fr es it pt nl sv da nb fi ca id"),
    ("cp1250", "Windows-1250", "pl cs hu sk sl ro sh"),
    ("cp1254", "Windows-1254", "tr"),
    ("cp1251", "Windows-1251", "ru uk bg mk"),
    ("cp1253", "Windows-1253", "el"),
    ("shift_jis", "Shift JIS", "ja"),
)
# How common the words beyond ASCII must be (as powers of ten, fluency), and how much more so than in other encodings.
KNOWN, AHEAD = 2.0, 0.25
# English has none but these, which other encodings have as letters.
TYPOGRAPHIC, SURELY = "‘’“”–—…•€£", 8.0
SAVE_AS_UTF8 = "save the file again as UTF-8 (Excel: Save As, CSV UTF-8; LibreOffice: Save As, edit filter settings)"
_LINE_END = re.compile(r"\r\n|\r|\n")


def split_lines(content: str) -> list[str]:
    """The physical lines, whatever ends them; not at U+2028 and its kind, which may stand in a text."""
    return _LINE_END.split(content)


def decode(path: Path, raw: bytes) -> tuple[str, dict[int, str], list[str]]:
    """The text, the lines that could not be read (with the fault of each), and what was done in sentences.

    InputError where nothing says which encoding it is.
    """
    for mark, encoding, called in MARKS:
        if raw.startswith(mark):
            while raw.startswith(mark):
                raw = raw[len(mark) :]
            if called:
                return _strictly(path, raw, encoding, called), {}, [f"the file is {called}, read as such"]
            break
    if zeros := _utf16_without_mark(raw):
        return zeros, {}, ["the file is UTF-16 without a byte order mark, read as such"]
    try:
        return raw.decode("utf-8").lstrip("\ufeff"), {}, []
    except UnicodeDecodeError as error:
        first = error.start
    if faults := dict(_faulty_lines(raw)):
        return raw.decode("utf-8", "replace"), faults, []
    if found := _code_page(raw):
        content, called = found
        return content, {}, [f"the file is not UTF-8 but {called}, read as such"]
    line = raw.count(b"\n", 0, first) + 1
    column = first - (raw.rfind(b"\n", 0, first) + 1) + 1
    raise InputError(
        f"{path.name} is not UTF-8: byte 0x{raw[first]:02x} at offset {first}",
        expected="UTF-8 text; which other encoding this is cannot be told from its words",
        where=f"{path}, line {line}, byte {column}",
        remedy=SAVE_AS_UTF8,
    )


def _strictly(path: Path, raw: bytes, encoding: str, called: str) -> str:
    try:
        return raw.decode(encoding).lstrip("\ufeff")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path.name} begins with the mark of {called} but is damaged: {error.reason} at offset {error.start}",
            expected=f"{called} throughout",
            where=path,
            remedy=SAVE_AS_UTF8,
        ) from error


def _utf16_without_mark(raw: bytes) -> str:
    """The text, if every other byte is zero as only UTF-16 has it; else empty."""
    if len(raw) % 2 or raw.count(0) < len(raw) / 5:
        return ""
    even, odd = raw[::2].count(0), raw[1::2].count(0)
    try:
        content = raw.decode("utf-16-le" if odd > even else "utf-16-be")
    except UnicodeDecodeError:
        return ""
    return content if "\0" not in content else ""


def _faulty_lines(raw: bytes) -> Iterator[tuple[int, str]]:
    """The lines that are not UTF-8, if others are UTF-8 beyond ASCII: then the file is in two encodings at once."""
    lines = re.split(rb"\r\n|\r|\n", raw)
    faulty = []
    others = False
    for number, line in enumerate(lines, 1):
        try:
            others |= not line.decode("utf-8").isascii()
        except UnicodeDecodeError as error:
            others |= has_emoji(line.decode("utf-8", "ignore"))
            byte = f"byte {error.start + 1}: 0x{line[error.start]:02x} is not UTF-8, as other lines are"
            faulty.append((number, byte))
    return iter(faulty if others else [])


def _code_page(raw: bytes) -> tuple[str, str] | None:
    """The text and the name of the one encoding in which its words beyond ASCII are words."""
    try:
        chinese = raw.decode("gb18030")
        # The only other encoding in use that has emoji at all.
        if has_emoji(chinese):
            return chinese, "GB 18030"
    except UnicodeDecodeError:
        pass
    if not has_word_lists():
        return None
    scores = []
    for encoding, called, languages in CODE_PAGES:
        try:
            content = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        beyond = [word for word in words(content) if not word.isascii()]
        # A wrong code page leaves symbols inside of words, which are then cut in two.
        known = max(fluency(beyond, language) for language in languages.split())
        if all(character.isascii() or character in TYPOGRAPHIC for character in content):
            known = SURELY
        scores.append((known, content, called))
    scores.sort(key=lambda score: -score[0])
    if not scores or scores[0][0] < KNOWN:
        return None
    best = scores[0]
    if any(content != best[1] and score > best[0] - AHEAD for score, content, _ in scores):
        return None
    return best[1], best[2]
