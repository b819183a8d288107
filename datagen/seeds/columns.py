"""Which column of a table is the text and which the emoji: by name, else by what stands in it if only one can be it."""

# ruff: noqa: SIM905 (word lists are easier to read and to mend as text)
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pocketmoji.core.errors import InputError
from pocketmoji.datagen.filters.filters import has_emoji
from pocketmoji.datagen.seeds.answers import is_answer
from pocketmoji.datagen.seeds.table import Row, Table, listed

# Names as they are compared: lower case, letters and digits only.
TEXT_NAMES = frozenset(
    "text texts prompt prompts input inputs phrase phrases question questions source instruction instructions message"
    " sentence user query utterance caption words inputtext userinput expression saying texto frase frases texte satz"
    " sätze testo zin".split()
)
EMOJI_NAMES = frozenset(
    "emoji emojis emoticon emoticons response responses output outputs answer answers completion completions target"
    " targets label labels reply result outputtext assistant respuesta resposta antwort réponse risposta".split()
)
HEADER_WITHIN = 5
LOOKED_AT = 300
MOSTLY = 0.5
_NUMBERED = re.compile(r"^(\D+?)(\d+)$")


@dataclass(frozen=True)
class Columns:
    """Positions of the text and of the emoji (several are read one after the other), and how many cells a row has."""

    text: int
    emoji: tuple[int, ...]
    width: int


def plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def is_header(cells: Sequence[str]) -> bool:
    """True for a row that names a text and an emoji column."""
    names = [plain(_NUMBERED.sub(r"\1", cell.strip())) for cell in cells]
    return not TEXT_NAMES.isdisjoint(names) and not EMOJI_NAMES.isdisjoint(names)


def choose_columns(path: Path, table: Table) -> tuple[Columns, list[Row], list[str]]:
    """The columns, the rows below the header and what was decided, in sentences; InputError where there is a choice."""
    rows, notes = table.rows, list[str]()
    names = table.names
    where = f"{path}, line {rows[0].line}" if rows else str(path)
    if names is None:
        header = next((n for n, row in enumerate(rows[:HEADER_WITHIN]) if not row.fault and is_header(row.cells)), None)
        if header is None and rows and not rows[0].fault and not any(map(_shows_emoji, rows[0].cells)):
            header = 0
        if header is not None:
            if header:
                above = rows[header - 1].line
                notes.append(f"the lines above the header (up to line {above}) were passed over")
            where = f"{path}, line {rows[header].line}"
            names, rows = rows[header].cells, rows[header + 1 :]
            again = [row.line for row in rows if _bare(row.cells) == _bare(names)]
            if again:
                rows = [row for row in rows if row.line not in set(again)]
                notes.append(f"{listed(again)}: the header again, passed over")
    sample = [row.cells for row in rows[:LOOKED_AT] if not row.fault]
    if rows and not sample:
        # Nothing can be told from them, and each has its fault already.
        return Columns(0, (1,), 2), rows, notes
    if names is None:
        widths = Counter(len(cells) for cells in sample)
        width = max(widths, key=lambda count: (widths[count], -count), default=0)
        names = ("",) * width
    elif any(names):
        width = max((n for n, name in enumerate(names, 1) if name.strip()), default=0)
        names = names[:width]
    else:
        width = len(names)
    known = [plain(name) for name in names]
    emoji = _emoji_columns(path, where, names, known, sample)
    text = _text_column(path, where, names, known, sample, emoji)
    if len(emoji) == 1 and _exchanged(sample, text, emoji[0]):
        text, emoji = emoji[0], (text,)
    if [known[text], *(known[n] for n in emoji)] != ["text", "emoji"]:
        label = lambda n: repr(names[n].strip()) if names[n].strip() else f"column {n + 1}"
        said = " and ".join(map(label, emoji))
        header_said = "" if any(known) else "no header: "
        notes.append(f"{header_said}the text is taken from {label(text)}, the emoji from {said}")
    return Columns(text, emoji, width), rows, notes


def _bare(cells: Sequence[str]) -> list[str]:
    """What two headers have in common: files that were put together may have a mark in the middle."""
    return [cell.strip("\ufeff \t") for cell in cells]


def _shows_emoji(cell: str) -> bool:
    return has_emoji(cell) or is_answer(cell)


def _emoji_columns(
    path: Path, where: str, names: Sequence[str], known: Sequence[str], sample: Sequence[Sequence[str]]
) -> tuple[int, ...]:
    """The column called emoji with its numbered sisters; else the one that mostly holds emoji; else the one with a name
    that people give to answers."""
    if "emoji" in known:
        first = known.index("emoji")
        return (first, *(n for n in _numbered(known, "emoji") if n != first))
    by_content = []
    for n in range(len(names)):
        filled = [cells[n] for cells in sample if n < len(cells) and cells[n].strip()]
        if filled and sum(map(is_answer, filled)) > MOSTLY * len(filled) and known[n] not in ("text", "prompt"):
            by_content.append(n)
    stems = {match[1] for n in by_content if (match := _NUMBERED.match(known[n]))}
    if len(stems) == 1:
        (stem,) = stems
        series = _numbered(known, stem)
        if all(n in series or known[n] == stem for n in by_content):
            return tuple(dict.fromkeys([*(n for n in by_content if n not in series), *series]))
    named = [n for n in by_content if known[n] in EMOJI_NAMES]
    if len(by_content) == 1 or len(named) == 1:
        return tuple(named if len(named) == 1 else by_content)
    if by_content and not any(known):
        return tuple(by_content)
    if by_content:
        raise InputError(
            f"{path.name} has several columns of emoji: {', '.join(repr(names[n]) for n in by_content)}",
            expected="one column named emoji, or emoji1, emoji2, ... that are one answer together",
            where=where,
            remedy="rename the column that you want to emoji",
        )
    numbered = _numbered(known, "emoji") or _numbered(known, "emojis")
    named = [n for n, name in enumerate(known) if name in EMOJI_NAMES]
    if numbered or len(named) == 1:
        return tuple(numbered or named)
    raise InputError(
        f"{path.name} has no column of emoji, and none that is named 'emoji'",
        expected=f"columns named text and emoji, found: {_found(names, sample)}",
        where=where,
        remedy="name or add the column; one row has a text and the emoji for it",
    )


def _text_column(
    path: Path,
    where: str,
    names: Sequence[str],
    known: Sequence[str],
    sample: Sequence[Sequence[str]],
    emoji: Sequence[int],
) -> int:
    """The column called text; else the only one with words that change from row to row; else the only known name."""
    if "text" in known:
        return known.index("text")
    candidates, changing = [], []
    for n in range(len(names)):
        filled = [cells[n] for cells in sample if n < len(cells) and cells[n].strip()]
        if n not in emoji and any(any(map(str.isalpha, cell)) for cell in filled):
            candidates.append(n)
            if len(set(filled)) > 1 and len(filled) > MOSTLY * len(sample):
                changing.append(n)
    named = [n for n in candidates if known[n] in TEXT_NAMES]
    changing_named = [n for n in changing if known[n] in TEXT_NAMES]
    for only in (candidates, changing, changing_named, named):
        if len(only) == 1:
            return only[0]
    if not candidates:
        left = [n for n in range(len(names)) if n not in emoji]
        named = [n for n in left if known[n] in TEXT_NAMES]
        if len(left) == 1 or len(named) == 1:
            return (left if len(left) == 1 else named)[0]
    raise InputError(
        f"{path.name} has {'several columns' if candidates else 'no column'} that could be the text"
        + (f": {', '.join(repr(names[n]) or str(n + 1) for n in candidates)}" if candidates else ""),
        expected=f"columns named text and emoji, found: {_found(names, sample)}",
        where=where,
        remedy="rename the column with the texts to text",
    )


def _exchanged(sample: Sequence[Sequence[str]], text: int, emoji: int) -> bool:
    """True if the columns are named the wrong way round: every text is an answer and no answer is."""
    pairs = [(cells[text], cells[emoji]) for cells in sample if len(cells) > max(text, emoji)]
    return bool(pairs) and all(is_answer(one) and not _shows_emoji(other) for one, other in pairs)


def _numbered(known: Sequence[str], stem: str) -> tuple[int, ...]:
    """Columns called stem1, stem2, ... in the order of their numbers."""
    matches = [(n, _NUMBERED.match(name)) for n, name in enumerate(known)]
    return tuple(n for _, n in sorted((int(match[2]), n) for n, match in matches if match and match[1] == stem))


def _found(names: Sequence[str], sample: Sequence[Sequence[str]]) -> str:
    if any(name.strip() for name in names):
        return ", ".join(repr(name.strip()) for name in names)
    return f"no header, and rows such as {', '.join(map(repr, sample[0]))}" if sample else "none"
