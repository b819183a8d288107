"""What every kind of seed file is read into: rows of cells, each with its line."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """The cells of a row. `line` is where it begins in the file; `fault` is set where it could not be read, `made`
    where it was not read as usual, in the words of a note."""

    line: int
    cells: tuple[str, ...]
    fault: str | None = None
    made: str = ""


@dataclass(frozen=True)
class Table:
    """The rows of a file. `names` are its columns' where the format has them itself (JSON), None where a header must be
    looked for. `joint` puts a text back together that its own separators have cut. `notes` say what was done."""

    rows: list[Row]
    names: tuple[str, ...] | None = None
    joint: str = ","
    notes: list[str] = field(default_factory=list)


def listed(lines: list[int], most: int = 5) -> str:
    """ "line 3" or "lines 3, 4, 7 and 12 more"."""
    shown = ", ".join(map(str, lines[:most]))
    more = f" and {len(lines) - most} more" if len(lines) > most else ""
    return f"line{'' if len(lines) == 1 else 's'} {shown}{more}"
