"""Reading a seed file: CSV, TSV or JSONL, with every fault named by line.

A faulty row is never used and never swallowed: while such rows are at most `max_bad_rows` of the file they are set
aside and listed, above that the file is refused.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pocketmoji.core.emoji import find_fault, normalise, split_emoji
from pocketmoji.core.errors import InputError
from pocketmoji.core.records import RejectedRow, Seed
from pocketmoji.datagen.filters.filters import control_token

COLUMNS = ("text", "emoji")
MIN_SEEDS = 4
MAX_EMOJI = 8
# A rough bound that needs no tokenizer; training checks the exact one.
MAX_CHARACTERS = 600
LISTED = 10


@dataclass(frozen=True)
class SeedFile:
    """What a seed file gave. `rows` counts all rows with something in them; `mended` the answers whose variation
    selectors were put right; `repeated` maps the line of a dropped repetition to the line it repeats."""

    name: str
    rows: int
    seeds: list[Seed]
    rejected: list[RejectedRow]
    mended: int
    repeated: dict[int, int] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """What the reader did on its own, in sentences."""
        found = []
        if self.mended:
            found.append(f"{self.mended} answers had missing or needless variation selectors (U+FE0F), put right")
        found += [f"line {line} repeats line {first}, dropped" for line, first in self.repeated.items()]
        found += [f"line {row.line} set aside: {row.reason}" for row in self.rejected]
        return found


@dataclass(frozen=True)
class _Row:
    """A row as it stands in the file; `fault` is set where it could not even be read."""

    line: int
    text: str
    emoji: str
    fault: str | None = None


def seed_key(text: str) -> str:
    """Two texts with the same key are the same seed: letter case and white space do not count."""
    return " ".join(text.casefold().split())


def seed_id(text: str) -> str:
    """A short name for a seed that depends on nothing but its text."""
    return hashlib.sha256(seed_key(text).encode()).hexdigest()[:10]


def read_seeds(path: Path, max_bad_rows: float = 0.01) -> SeedFile:
    """The usable seeds of a file in its order, and the rows set aside; InputError if it cannot be used."""
    rows = list(_rows(path, _read(path)))
    if not rows:
        raise InputError(
            f"{path.name} has no rows", expected="a header and one row per seed", where=path, remedy=_template()
        )
    seeds: list[Seed] = []
    rejected: list[RejectedRow] = []
    repeated: dict[int, int] = {}
    known: dict[str, Seed] = {}
    mended = 0
    for row in rows:
        text, given = " ".join(row.text.split()), row.emoji.strip()
        emoji = normalise(given)
        reason = row.fault or _text_fault(text) or _answer_fault(emoji)
        earlier = known.get(seed_key(text))
        if not reason and earlier and earlier.emoji != emoji:
            reason = f"column text: {text!r} has another answer, {earlier.emoji}, on line {earlier.line}"
        if reason:
            rejected.append(RejectedRow(line=row.line, text=text, emoji=given, reason=reason))
        elif earlier:
            repeated[row.line] = earlier.line
        else:
            seed = Seed(seed_id=seed_id(text), text=text, emoji=emoji, line=row.line)
            known[seed_key(text)] = seed
            seeds.append(seed)
            mended += emoji != given
    if len(rejected) > max_bad_rows * len(rows):
        raise _refused(path, rejected, len(rows), max_bad_rows)
    if len(seeds) < MIN_SEEDS:
        raise InputError(
            f"{path.name} has {len(seeds)} usable seed{'' if len(seeds) == 1 else 's'}",
            expected=f"at least {MIN_SEEDS} different texts with an answer; 30 or more are worth training on",
            where=f"{path}, {len(rows)} rows read",
            remedy="add rows: each is a text and the emoji that you want for it",
        )
    return SeedFile(path.name, len(rows), seeds, rejected, mended, repeated)


def _template() -> str:
    return "start from seeds/template.csv"


def _text_fault(text: str) -> str | None:
    if not text:
        return "column text: it is empty"
    if len(text) > MAX_CHARACTERS:
        return f"column text: {len(text)} characters are longer than the context, at most {MAX_CHARACTERS} fit"
    token = control_token(text)
    return f"column text: it holds {token}, a control token of the model" if token else None


def _answer_fault(emoji: str) -> str | None:
    """The fault of an answer that is normalised already (a missing variation selector is mended, not a fault)."""
    if not emoji:
        return "column emoji: it is empty"
    fault = find_fault(emoji)
    if fault:
        shown = f" ({fault.character!r})" if fault.character.isprintable() and not fault.character.isspace() else ""
        return f"column emoji, character {fault.column} of {emoji!r}: {fault.reason}{shown}"
    count = len(split_emoji(emoji) or [])
    return f"column emoji: {count} emoji, at most {MAX_EMOJI} are allowed" if count > MAX_EMOJI else None


def _refused(path: Path, rejected: list[RejectedRow], rows: int, limit: float) -> InputError:
    first = rejected[0]
    column = first.reason.split(":")[0]
    remedy = f"mend the {'row' if len(rejected) == 1 else 'rows'}, or allow a larger share with --max-bad-rows"
    expected = f"a text, and an answer of emoji and nothing else; at most {limit:.1%} of rows may be set aside"
    if len(rejected) == 1:
        problem = f"1 of {rows} rows is wrong: line {first.line}, {first.reason}"
    else:
        lines = [f"    line {row.line}, {row.reason}" for row in rejected[:LISTED]]
        more = [f"    and {len(rejected) - LISTED} more"] if len(rejected) > LISTED else []
        problem = "\n".join([f"{len(rejected)} of {rows} rows are wrong:", *lines, *more])
    return InputError(problem, expected=expected, where=f"{path}, line {first.line}, {column}", remedy=remedy)


def _read(path: Path) -> str:
    """The decoded file, without a byte order mark."""
    if path.is_dir():
        raise InputError(f"{path} is a folder", expected="a CSV, TSV or JSONL file", remedy="name the file inside it")
    if path.suffix.lower() not in (".csv", ".tsv", ".jsonl"):
        raise InputError(
            f"{path.name} is of no known kind", expected="a name that ends in .csv, .tsv or .jsonl", where=path
        )
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror})", expected="a seed file", where=path, remedy=_template()
        ) from error
    if not raw.strip():
        raise InputError(f"{path.name} is empty", expected="a header and rows", where=path, remedy=_template())
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        hint = " (it looks like UTF-16)" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        raise InputError(
            f"{path.name} is not UTF-8{hint}: byte 0x{raw[error.start]:02x} at offset {error.start}",
            expected="UTF-8 text",
            where=f"{path}, line {line}, byte {column}",
            remedy="save the file again with the encoding UTF-8",
        ) from error


def _rows(path: Path, content: str) -> Iterator[_Row]:
    if path.suffix.lower() == ".jsonl":
        yield from _json_rows(path, content)
    else:
        yield from _table_rows(path, content, "\t" if path.suffix.lower() == ".tsv" else ",")


def _columns(path: Path, found: list[str], line: int) -> tuple[int, int]:
    """Positions of the text and the emoji column among the names that were found."""
    lower = [name.strip().casefold() for name in found]
    missing = [name for name in COLUMNS if name not in lower]
    if missing:
        raise InputError(
            f"{path.name} has no column named {' or '.join(map(repr, missing))}",
            expected=f"columns named text and emoji, found: {', '.join(map(repr, found)) or 'none'}",
            where=f"{path}, line {line}",
            remedy="rename or add the column; .csv is separated by commas, .tsv by tabs",
        )
    return lower.index("text"), lower.index("emoji")


def _table_rows(path: Path, content: str, separator: str) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=separator, strict=separator == ",")
    header: list[str] = []
    line, columns = 1, (0, 0)
    try:
        for cells in reader:
            line, first = reader.line_num + 1, line
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header, columns = cells, _columns(path, cells, first)
                continue
            text, emoji = (cells[i] if i < len(cells) else "" for i in columns)
            surplus = any(cell.strip() for cell in cells[len(header) :])
            fault = f"{len(cells)} columns, {len(header)} expected: put the text in quotes" if surplus else None
            yield _Row(first, text, emoji, fault)
    except csv.Error as error:
        raise InputError(
            f"{path.name} is not a readable table from line {line} on ({error})",
            expected="quotes that close, doubled where they stand for themselves",
            where=f"{path}, line {line}",
        ) from error


def _json_rows(path: Path, content: str) -> Iterator[_Row]:
    lines = [(n, line) for n, line in enumerate(content.split("\n"), 1) if line.strip()]
    values: list[tuple[int, dict[str, object] | str]] = []
    for number, line in lines:
        try:
            value = json.loads(line)
            named = {key.strip().casefold(): v for key, v in value.items()} if isinstance(value, dict) else None
            values.append((number, "not a JSON object" if named is None else named))
        except json.JSONDecodeError as error:
            values.append((number, f"not JSON: {error.msg} at character {error.colno}"))
    names = sorted({name for _, value in values if isinstance(value, dict) for name in value})
    if names:
        _columns(path, names, lines[0][0])
    for number, value in values:
        if isinstance(value, str):
            yield _Row(number, "", "", value)
            continue
        cells = [value.get(name, "") for name in COLUMNS]
        wrong = [name for name, cell in zip(COLUMNS, cells, strict=True) if not isinstance(cell, str)]
        fault = f"column {wrong[0]}: not a string" if wrong else None
        # JSON can write half of a surrogate pair, which UTF-8 cannot.
        text, emoji = (str(v).encode("utf-8", "replace").decode() for v in cells)
        if not fault and [text, emoji] != cells:
            fault = "half of a surrogate pair (\\ud800 to \\udfff)"
        yield _Row(number, text, emoji, fault)
