"""Tables as text: CSV, TSV and their like, and lists with the emoji at the end of each line.

Every physical line ends up in exactly one row, a continuation, a comment or a blank: a quotation mark that does not
close must not swallow the lines after it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence

from pocketmoji.datagen.filters.filters import has_emoji
from pocketmoji.datagen.seeds.answers import is_answer
from pocketmoji.datagen.seeds.columns import is_header
from pocketmoji.datagen.seeds.encodings import split_lines
from pocketmoji.datagen.seeds.table import Row, Table, listed

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
# Files with these mostly have no quoting at all: what is not in order is a mark and nothing else.
UNQUOTED = ("\t", "|")
SNIFFED = 200
# A quoted text may run over so many lines.
LONGEST_TEXT = 50
_SAID = re.compile(r'^"?sep=(.)"?$', re.IGNORECASE)
_RULE = re.compile(r"^[\s|:+-]*-[\s|:+-]*$")
_BETWEEN = re.compile(r"\s*(?:->|=>|→|⇒|➡️?|=|:|-|–|—|,|;|\|)?\s*$")
_BEFORE = re.compile(r"^\s*(?:->|=>|→|⇒|=|:|-|–|—|,|;|\|)?\s*")


def read_delimited(content: str, usual: str, faults: dict[int, str]) -> Table:
    """The rows of a text file. `usual` is the separator that its name promises; another is taken where the file says so
    (sep=) or where only that one gives answers of emoji. `faults` has lines that are unreadable already."""
    numbered = [(number, line) for number, line in enumerate(split_lines(content), 1)]
    notes = []
    first = next((line for _, line in numbered if line.strip()), "")
    if said := _SAID.match(first.strip(" \r")):
        numbered = [(number, line) for number, line in numbered if line != first]
        separator = said[1]
        notes.append(f"the line sep={'TAB' if separator == chr(9) else separator} was kept to")
    else:
        separator = _sniff([line for _, line in numbered if line.strip()], usual)
        if not separator:
            return _list(numbered, faults)
        if separator != usual:
            notes.append(f"the columns are separated by {SEPARATORS[separator]}, not {SEPARATORS[usual]}")
    if separator == "|":
        numbered = [(number, line) for number, line in map(_without_frame, numbered) if not _RULE.match(line)]
    rows, comments = [], []
    for row in _rows(numbered, separator, faults):
        if _is_comment(row):
            comments.append(row.line)
        elif row.fault or any(cell.strip() for cell in row.cells):
            rows.append(row)
    if comments:
        notes.append(f"{listed(comments)}: a comment, passed over")
    return Table(rows, joint=separator, notes=notes)


def _sniff(lines: Sequence[str], usual: str) -> str:
    """The separator with which most lines have a cell of emoji and another; "" where lines only end in emoji."""
    sample = lines[:SNIFFED]
    score = {}
    for separator in (usual, *(other for other in SEPARATORS if other != usual)):
        cells = (_split(line, separator) for line in sample)
        score[separator] = sum(len(row) > 1 and any(map(is_answer, row)) for row in cells)
    best = max(score, key=lambda separator: score[separator])
    if score[best]:
        return best
    header = sample[0] if sample else ""
    widths = {len(_split(line, usual)) for line in sample}
    in_columns = is_header(_split(header, usual)) or (len(widths) == 1 and widths != {1})
    if not in_columns and sum(bool(_halves(line)) for line in sample) * 2 >= len(sample):
        return ""
    # Without a single answer the header may still tell.
    return next((separator for separator in score if is_header(_split(header, separator))), usual)


def _split(line: str, separator: str) -> list[str]:
    """The cells of one line by itself: with quotes if they are in order, else as they stand."""
    return _strict(line, separator) or line.split(separator)


def _strict(record: str, separator: str) -> list[str] | None:
    """The cells of a whole record whose quotes are in order; None if they are not."""
    if '"' not in record:
        return record.split(separator)
    try:
        rows = list(csv.reader([record], delimiter=separator, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _rows(numbered: Sequence[tuple[int, str]], separator: str, faults: dict[int, str]) -> Iterator[Row]:
    at = 0
    while at < len(numbered):
        number, line = numbered[at]
        at += 1
        if number in faults:
            yield Row(number, (line,), faults[number])
            continue
        cells = _strict(line, separator)
        if cells is not None:
            yield Row(number, tuple(cells))
            continue
        # A text in quotes may run over several lines, but not over lines that are rows by themselves.
        end, joined = _continued(numbered, at - 1, separator)
        if joined and not any(_complete(line.split(separator)) for _, line in numbered[at - 1 : end - 1]):
            yield Row(number, tuple(joined), made=f"a quoted text runs to line {numbered[end - 1][0]}")
            at = end
            continue
        literal = line.split(separator)
        if separator in UNQUOTED or (_complete(literal) and not _opens(line, separator)):
            yield Row(number, tuple(literal), made="quotation marks were taken as they stand")
        else:
            fault = "a quotation mark does not close before the separator: quote the text, double the marks inside"
            yield Row(number, tuple(literal), fault)


def _continued(numbered: Sequence[tuple[int, str]], at: int, separator: str) -> tuple[int, list[str] | None]:
    """Where a record ends whose quoted text runs over several lines, and its cells; (_, None) if it never does."""
    quotes = 0
    for end in range(at + 1, min(at + LONGEST_TEXT, len(numbered)) + 1):
        quotes += numbered[end - 1][1].count('"')
        if end > at + 1 and quotes % 2 == 0:
            cells = _strict("\n".join(line for _, line in numbered[at:end]), separator)
            if cells is not None:
                return end, cells
    return at, None


def _complete(cells: Sequence[str]) -> bool:
    """True for cells that are a row by themselves: an answer and a text."""
    return any(map(is_answer, cells)) and any(cell.strip() and not has_emoji(cell) for cell in cells)


def _opens(line: str, separator: str) -> bool:
    """True if a cell begins with a quotation mark that does not close on the line."""
    return line.count('"') % 2 == 1 and any(cell.lstrip().startswith('"') for cell in line.split(separator))


def _is_comment(row: Row) -> bool:
    """A line behind # or //; but "#MondayMood,😩" is a row, and a column may be called #."""
    filled = [cell.strip() for cell in row.cells if cell.strip()]
    if row.fault or not filled or not filled[0].startswith(("#", "//")) or _complete(row.cells):
        return False
    return filled[0].startswith(("# ", "// ")) or (len(filled) == 1 and filled[0].startswith(("#", "//")))


def _without_frame(numbered: tuple[int, str]) -> tuple[int, str]:
    """A line of a Markdown table without its outer bars."""
    number, line = numbered
    bare = line.strip()
    return (number, bare[1:].removesuffix("|")) if bare.startswith("|") else numbered


def _list(numbered: Sequence[tuple[int, str]], faults: dict[int, str]) -> Table:
    """Lines such as "Tea time 🫖" or "Tea time -> 🫖", the emoji at one end."""
    rows, comments = list[Row](), list[int]()
    notes = ["no columns: the text and the emoji at its end are taken from each line"]
    for number, line in numbered:
        halves = _halves(line)
        if number in faults:
            rows.append(Row(number, (line, ""), faults[number]))
        elif halves:
            rows.append(Row(number, halves))
        elif line.lstrip().startswith(("#", "//")):
            comments.append(number)
        elif line.strip() and not rows and not has_emoji(line):
            notes.append(f"line {number}, {line.strip()!r}: taken for a title")
        elif line.strip():
            rows.append(Row(number, (line, ""), "the line has no emoji at its end, or some at both ends"))
    if comments:
        notes.append(f"{listed(comments)}: a comment, passed over")
    return Table(rows, names=("text", "emoji"), notes=notes)


def _halves(line: str) -> tuple[str, str] | None:
    """(text, emoji) of a line with emoji at one of its ends."""
    found = _runs(line)
    if not found:
        return None
    last, first = found[-1], found[0]
    behind = line[last[1] :].strip(' \t"') == "" and (_cut(line[: last[0]], _BETWEEN), line[last[0] : last[1]])
    before = line[: first[0]].strip(' \t"-*•') == "" and (_cut(line[first[1] :], _BEFORE), line[first[0] : first[1]])
    if behind and before:
        return None
    halves = behind or before
    return halves if halves and any(map(str.isalnum, halves[0])) else None


def _cut(text: str, edge: re.Pattern[str]) -> str:
    return edge.sub("", text.strip(' \t"')).strip(' \t"')


def _runs(line: str) -> list[tuple[int, int]]:
    """Where runs of emoji stand, with spaces and commas between them."""
    from emoji import emoji_list

    runs: list[tuple[int, int]] = []
    for found in emoji_list(line):
        start, end = int(found["match_start"]), int(found["match_end"])
        if runs and not line[runs[-1][1] : start].strip(" ,"):
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs
