"""Seeds in JSON: one object per line, an array of objects or pairs, an object of phrases, and chats."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pocketmoji.core.errors import InputError
from pocketmoji.datagen.seeds.answers import is_answer
from pocketmoji.datagen.seeds.columns import EMOJI_NAMES, TEXT_NAMES, plain
from pocketmoji.datagen.seeds.encodings import split_lines
from pocketmoji.datagen.seeds.table import Row, Table

TURNS = ("messages", "conversations", "conversation", "contents", "chat", "dialogue", "turns")
ASKS, ANSWERS = ("user", "human", "input"), ("assistant", "model", "gpt", "bot", "output")
# What the halves of a pair are called, which have no names.
UNNAMED = ("", " ")
_SPACE = re.compile(r"[\s\ufeff]*")


@dataclass(frozen=True)
class _Item:
    """A value and the line where it begins; `fault` where it could not be parsed."""

    line: int
    value: Any
    fault: str | None = None


def read_json(path: Path, content: str, faults: dict[int, str]) -> Table:
    """The rows of a JSON or JSONL file, whichever of the two its name says."""
    items, notes = _items(path, content, faults)
    rows: list[tuple[_Item, dict[str, Any] | None]] = []
    chats = 0
    for item in items:
        value = item.value
        pairs = _turns(value) if isinstance(value, dict) else None
        if item.fault:
            rows.append((item, None))
        elif pairs:
            chats += 1
            rows += [(item, {"text": text, "emoji": emoji}) for text, emoji in pairs]
        elif pairs is not None:
            rows.append((_Item(item.line, None, "a chat without a user's turn and an answer to it"), None))
        elif pair := _pair(value):
            rows.append((item, dict(zip(UNNAMED, pair, strict=True))))
        elif isinstance(value, dict):
            rows.append((item, {str(key).strip().casefold(): cell for key, cell in value.items()}))
        else:
            rows.append((_Item(item.line, None, "not a JSON object, and no pair of a text and its emoji"), None))
    # In the order of their first appearance.
    names = list(dict.fromkeys(name for _, cells in rows if cells for name in cells))
    table_rows = [_row(item, cells, names) for item, cells in rows]
    if chats:
        notes.append(f"{chats} chat{'' if chats == 1 else 's'}: each user's turn is a text, the answer to it the emoji")
    return Table(table_rows, names=tuple("" if name in UNNAMED else name for name in names), notes=notes)


def _items(path: Path, content: str, faults: dict[int, str]) -> tuple[list[_Item], list[str]]:
    """The values that may be seeds: the lines of JSONL, or what a document is made of."""
    start = len(content) - len(content.lstrip())
    try:
        value, end = json.JSONDecoder().raw_decode(content, start)
        whole = not content[end:].strip()
    except json.JSONDecodeError:
        value, whole = None, path.suffix.casefold() == ".json" and not any(map(_parses, split_lines(content)))
    except RecursionError:
        value, whole = None, False
    if not whole:
        return list(_lines(content, faults)), []
    if isinstance(value, dict) and _turns(value) is not None:
        return [_Item(1, value)], []
    return _document(path, content)


def _parses(line: str) -> bool:
    try:
        return isinstance(json.loads(line), (dict, list))
    except (json.JSONDecodeError, RecursionError):
        return False


def _pair(value: Any) -> tuple[Any, Any] | None:
    """The two halves of ["Tea time", "🫖"] or {"Tea time": "🫖"}."""
    if isinstance(value, list):
        return (value[0], value[1]) if len(value) == 2 and all(isinstance(part, str) for part in value) else None
    if isinstance(value, dict) and len(value) == 1:
        ((name, cell),) = value.items()
        known = plain(name) in TEXT_NAMES or plain(name) in EMOJI_NAMES
        if isinstance(cell, (str, list)) and not (known and not is_answer(str(cell))):
            return name, cell
    return None


def _lines(content: str, faults: dict[int, str]) -> Iterator[_Item]:
    for number, line in enumerate(split_lines(content), 1):
        if number in faults:
            yield _Item(number, None, faults[number])
        elif line.strip():
            try:
                yield _Item(number, json.loads(line))
            except json.JSONDecodeError as error:
                yield _Item(number, None, f"not JSON: {error.msg} at character {error.colno}")
            except RecursionError:
                yield _Item(number, None, "not JSON that can be read: nested too deeply")


def _document(path: Path, content: str) -> tuple[list[_Item], list[str]]:
    """The elements of an array, or of the only list in an object; else the entries of an object of phrases."""
    items, closed = _elements(path, content)
    notes = []
    if len({item.line for item in items}) < len(items):
        items = [_Item(number, item.value) for number, item in enumerate(items, 1)]
        notes.append("several entries share a line, so entries are counted instead of lines")
    if closed == "]":
        return items, notes
    lists = [item for item in items if isinstance(item.value[1], list) and item.value[1]]
    if len(lists) == 1 and isinstance(lists[0].value[1][0], (dict, list)):
        name, values = lists[0].value
        said = f"the seeds are the list {name!r}, its entries counted instead of lines"
        return [_Item(number, value) for number, value in enumerate(values, 1)], [said]
    return [_Item(item.line, dict([item.value])) for item in items], notes


def _elements(path: Path, content: str) -> tuple[list[_Item], str]:
    """Each element of an array, or (name, value) of an object, with its line; a name that comes twice comes twice."""
    decoder = json.JSONDecoder()
    skip = lambda at: _SPACE.match(content, at).end()  # type: ignore[union-attr]
    at = skip(0)
    if content[at : at + 1] not in ("[", "{"):
        raise InputError(
            f"{path.name} is JSON, but no list",
            expected="an array of objects, one per line (JSONL), or an object of phrases and their emoji",
            where=path,
        )
    closing = "]" if content[at] == "[" else "}"
    items: list[_Item] = []
    line, counted = 1, 0
    try:
        at = skip(at + 1)
        while content[at : at + 1] != closing:
            line, counted = line + content.count("\n", counted, at), at
            value, at = decoder.raw_decode(content, at)
            if closing == "}":
                at = skip(at)
                if content[at : at + 1] != ":" or not isinstance(value, str):
                    raise json.JSONDecodeError("Expecting ':' behind a name", content, at)
                named, at = decoder.raw_decode(content, skip(at + 1))
                value = (value, named)
            items.append(_Item(line, value))
            at = skip(at)
            if content[at : at + 1] == ",":
                at = skip(at + 1)
            elif content[at : at + 1] != closing:
                raise json.JSONDecodeError("Expecting ',' delimiter", content, at)
        if content[skip(at + 1) :]:
            raise json.JSONDecodeError("Extra data", content, skip(at + 1))
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path.name} is not JSON: {error.msg}",
            expected="an array of objects, one per line (JSONL), or an object of phrases and their emoji",
            where=f"{path}, line {error.lineno}, column {error.colno}",
            remedy="mend it there; everything before it was read",
        ) from error
    except RecursionError as error:
        raise InputError(f"{path.name} is nested too deeply", expected="an array of objects", where=path) from error
    return items, closing


def _turns(value: dict[str, Any]) -> list[tuple[Any, Any]] | None:
    """(user's turn, answer) of a chat, None if the object is none. OpenAI's, ShareGPT's, Gemini's and TRL's forms."""
    turns = next((value[name] for name in TURNS if isinstance(value.get(name), list)), None)
    if turns is None:
        prompt, completion = value.get("prompt"), value.get("completion")
        if not isinstance(prompt, list) or not isinstance(completion, list):
            return None
        turns = [*prompt, *completion]
    pairs = []
    asked: Any = None
    for turn in turns:
        if not isinstance(turn, dict):
            continue
        role = str(turn.get("role", turn.get("from", turn.get("author", "")))).casefold()
        said = _content(turn)
        if role in ASKS:
            asked = said
        elif role in ANSWERS and asked is not None:
            pairs.append((asked, said))
            asked = None
    return pairs


def _content(turn: dict[str, Any]) -> Any:
    """The text of a turn, also where it comes in parts."""
    said = next((turn[name] for name in ("content", "value", "parts", "text") if name in turn), "")
    if isinstance(said, list):
        parts = [part.get("text", "") if isinstance(part, dict) else part for part in said]
        return "".join(parts) if all(isinstance(part, str) for part in parts) else said
    return said


def _row(item: _Item, cells: dict[str, Any] | None, names: Sequence[str]) -> Row:
    if item.fault or cells is None:
        return Row(item.line, ("",) * len(names), item.fault)
    written, fault = list[str](), None
    for name in names:
        cell = cells.get(name, "")
        if isinstance(cell, list) and cell and all(isinstance(part, str) for part in cell):
            cell = " ".join(cell)
        if cell is None:
            cell = ""
        if not isinstance(cell, str):
            # Numbers and the like are no fault in a column that is not asked for.
            written.append(_NotText(json.dumps(cell, ensure_ascii=False)))
            continue
        # JSON can write half of a surrogate pair, which UTF-8 cannot.
        whole = cell.encode("utf-8", "replace").decode()
        fault = fault or (None if whole == cell else "half of a surrogate pair (\\ud800 to \\udfff)")
        written.append(whole)
    return Row(item.line, tuple(written), fault)


class _NotText(str):
    """A JSON value that is no string, as it was written."""


def not_text(cell: str) -> bool:
    return isinstance(cell, _NotText)
