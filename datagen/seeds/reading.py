"""Reading a seed file into seeds, with every fault named by line.

A faulty row is never used and never swallowed: while such rows are at most `max_bad_rows` of the file they are set
aside and listed, above that the file is refused. What is read otherwise than it stands there is said (docs/seeds.md).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pocketmoji.core.errors import InputError
from pocketmoji.core.records import RejectedRow, Seed
from pocketmoji.core.text.emoji import split_emoji
from pocketmoji.datagen.filters.filters import control_token, has_emoji
from pocketmoji.datagen.seeds.answers import DONE, Answer, is_answer, mend_encoding, read_answer
from pocketmoji.datagen.seeds.columns import Columns, choose_columns
from pocketmoji.datagen.seeds.formats import TEMPLATE, read_table
from pocketmoji.datagen.seeds.instructions import find_frame
from pocketmoji.datagen.seeds.json_lists import not_text
from pocketmoji.datagen.seeds.keys import INVISIBLE, clean_text, seed_id, seed_key
from pocketmoji.datagen.seeds.table import Row, listed

MIN_SEEDS = 4
MAX_EMOJI = 8
# A rough bound that needs no tokenizer; training checks the exact one.
MAX_CHARACTERS = 600
LISTED = 10
DONE_TO_TEXTS = {
    "joined": "the separator stood in it without quotes, read as one text",
    "invisible": "invisible characters taken out",
    "composed": "letters and their accents put together (NFC)",
}


@dataclass(frozen=True)
class SeedFile:
    """What a seed file gave. `rows` counts all rows with something in them; `how` says in sentences what was read
    otherwise than it stands in the file; `mended` counts the answers whose variation selectors were put right;
    `repeated` maps the line of a dropped repetition to the line it repeats."""

    name: str
    rows: int
    seeds: list[Seed]
    rejected: list[RejectedRow]
    mended: int
    repeated: dict[int, int] = field(default_factory=dict)
    how: list[str] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        """What the reader did on its own, in sentences."""
        found = list(self.how)
        found += [f"line {line} repeats line {first}, dropped" for line, first in list(self.repeated.items())[:LISTED]]
        if len(self.repeated) > LISTED:
            found.append(f"{len(self.repeated) - LISTED} more rows repeat others, dropped")
        found += [f"line {row.line} set aside: {row.reason}" for row in self.rejected]
        return found


def read_seeds(path: Path, max_bad_rows: float = 0.01) -> SeedFile:
    """The usable seeds of a file in its order, and the rows set aside; InputError if it cannot be used."""
    table = read_table(path)
    columns, rows, chosen = choose_columns(path, table)
    if not rows:
        raise InputError(
            f"{path.name} has no rows", expected="a header and one row per seed", where=path, remedy=TEMPLATE
        )
    seeds: list[Seed] = []
    rejected: list[RejectedRow] = []
    repeated: dict[int, int] = {}
    known: dict[str, Seed] = {}
    done: dict[str, list[int]] = defaultdict(list)
    read = [(row, *_read_row(row, columns, table.joint)) for row in rows]
    before, after = find_frame([written.strip() for row, written, _, _ in read if not row.fault])
    for row, written, answer, made in read:
        written = written.strip().removeprefix(before).removesuffix(after)
        text = clean_text(written)
        reason = row.fault or answer.fault or _text_fault(text) or _length_fault(answer.emoji)
        key = seed_key(text)
        earlier = known.get(key)
        if not reason and earlier and earlier.emoji != answer.emoji:
            alike = "" if earlier.text.casefold() == text.casefold() else f", which looks the same ({earlier.text!a})"
            reason = f"column text: {text!r} has another answer, {earlier.emoji}, on line {earlier.line}{alike}"
        if reason:
            rejected.append(RejectedRow(line=row.line, text=text, emoji=answer.emoji, reason=reason))
            continue
        if earlier:
            repeated[row.line] = earlier.line
            continue
        seed = Seed(seed_id=seed_id(text), text=text, emoji=answer.emoji, line=row.line)
        known[key] = seed
        seeds.append(seed)
        for what in {*made, *answer.done, *_text_done(written, text)}:
            done[what].append(row.line)
    framed = [f"all texts have {part.strip()} around them, left out" for part in dict.fromkeys((before, after)) if part]
    how = [*table.notes, *chosen, *framed, *(_said(what, lines) for what, lines in done.items())]
    if len(rejected) > max_bad_rows * len(rows):
        raise _refused(path, rejected, len(rows), max_bad_rows, how)
    if len(seeds) < MIN_SEEDS:
        raise InputError(
            "\n".join([f"{path.name} has {_count(len(seeds), 'usable seed')}", *_bracketed(how)]),
            expected=f"at least {MIN_SEEDS} different texts with an answer; 30 or more are worth training on",
            where=f"{path}, {len(rows)} rows read",
            remedy="add rows: each is a text and the emoji that you want for it",
        )
    return SeedFile(path.name, len(rows), seeds, rejected, len(done.get("selectors", ())), repeated, how)


def _read_row(row: Row, columns: Columns, joint: str) -> tuple[str, Answer, list[str]]:
    """Text and answer of a row, and what was done to find them."""
    made = [row.made] if row.made else []
    cells = [*row.cells, *[""] * (columns.width - len(row.cells))]
    text, parts = cells[columns.text], [cells[n] for n in columns.emoji]
    surplus = [cell for cell in cells[columns.width :] if cell.strip()]
    if row.fault:
        return text, Answer(parts[0].strip()), made
    wrong = [name for name, cell in (("text", text), *(("emoji", part) for part in parts)) if not_text(cell)]
    if wrong:
        return text, Answer(parts[0], fault=f"column {wrong[0]}: not a string"), made
    if surplus and columns.emoji[-1] == columns.width - 1 and all(map(is_answer, [*parts, *surplus])):
        parts += surplus
        made.append("cells")
    elif surplus:
        joined = _joined(cells, columns, joint)
        if not joined:
            fault = f"{len(cells)} columns, {columns.width} expected: put the text in quotes"
            return text, Answer(parts[0].strip(), fault=fault), made
        text, parts = joined[0], [joined[1]]
        made.append("joined")
    filled = [part for part in parts if part.strip()]
    answers = [read_answer(part) for part in filled] or [read_answer("")]
    faulty = next((answer for answer in answers if answer.fault), None)
    if faulty:
        return text, faulty, made
    if len(answers) > 1 and "cells" not in made:
        made.append("cells")
    done = tuple(what for answer in answers for what in answer.done)
    if "encoding" in done:
        text = mend_encoding(text)
    return text, Answer("".join(answer.emoji for answer in answers), done), made


def _joined(cells: Sequence[str], columns: Columns, joint: str) -> tuple[str, str] | None:
    """Text and answer of a row whose text holds the separator without quotes, if nothing else can be meant."""
    if columns.width != 2 or len(columns.emoji) != 1:
        return None
    while not cells[-1].strip():
        cells = cells[:-1]
    answer, texts = (cells[-1], cells[:-1]) if columns.text == 0 else (cells[0], cells[1:])
    if not is_answer(answer) or any(has_emoji(text) or is_answer(text) for text in texts):
        return None
    return joint.join(texts), answer


def _text_done(written: str, text: str) -> list[str]:
    found = ["invisible"] if INVISIBLE.search(written) else []
    # Whatever is left is the composed form.
    return found + (["composed"] if len(" ".join(INVISIBLE.sub("", written).split())) > len(text) else [])


def _said(what: str, lines: list[int]) -> str:
    """A note on what was done to some rows."""
    if what in DONE:
        return f"{_count(len(lines), 'answer')}: {DONE[what]} ({listed(lines)})"
    if what in DONE_TO_TEXTS:
        return f"{_count(len(lines), 'text')}: {DONE_TO_TEXTS[what]} ({listed(lines)})"
    return f"{what} ({listed(lines)})"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _bracketed(notes: Sequence[str]) -> list[str]:
    return [f"    ({note})" for note in notes]


def _text_fault(text: str) -> str | None:
    if not text:
        return "column text: it is empty"
    if len(text) > MAX_CHARACTERS:
        return f"column text: {len(text)} characters are longer than the context, at most {MAX_CHARACTERS} fit"
    token = control_token(text)
    return f"column text: it holds {token}, a control token of the model" if token else None


def _length_fault(emoji: str) -> str | None:
    count = len(split_emoji(emoji) or [])
    return f"column emoji: {count} emoji, at most {MAX_EMOJI} are allowed" if count > MAX_EMOJI else None


def _refused(path: Path, rejected: list[RejectedRow], rows: int, limit: float, how: list[str]) -> InputError:
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
    problem = "\n".join([problem, *_bracketed(how)])
    return InputError(problem, expected=expected, where=f"{path}, line {first.line}, {column}", remedy=remedy)
