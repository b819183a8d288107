"""Reading a model's reply: the JSON that was asked for, with whatever models put around it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

Form = TypeVar("Form", bound=BaseModel)

THOUGHT = re.compile(r"<(think|thinking|thought|reasoning)>.*?</\1>", re.I | re.S)
OPEN_THOUGHT = re.compile(r"<(think|thinking|thought|reasoning)>", re.I)
END_OF_THOUGHT = re.compile(r".*</(?:think|thinking|thought|reasoning)>", re.I | re.S)
# Of a string in JSON, or of a comma before a closing bracket outside of one.
STRING_OR_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[\]}])', re.S)
MOST_STARTS = 40


def parsed(form: type[Form], answer: str, count: int) -> Form:
    """The answer as `form`, which has one field, a list called "items", `count` of them where there is a choice;
    ValueError, in words, if it is none.

    Prose, fences, thoughts and trailing words around the JSON are passed over, so are trailing commas; the list may
    stand alone, as JSON Lines, in another object, or as its only item. Nothing is made up: a cut reply stays a fault.
    """
    try:
        return form.model_validate_json(answer)
    except ValidationError as error:
        first = error
    # Servers that do not know a model's way of thinking send its thoughts along, their beginning cut off at times.
    text = END_OF_THOUGHT.sub("", THOUGHT.sub("", answer)).replace("\ufeff", "").strip()
    if not text:
        raise ValueError("an empty answer" if not answer.strip() else "thoughts without an answer")
    if OPEN_THOUGHT.match(text):
        raise ValueError("thoughts without an answer")
    if re.match(r"<(!doctype|html|head|body)\b", text, re.I):
        raise ValueError("HTML instead of JSON")
    fault: ValidationError | None = None
    found: Form | None = None
    for value in _values(text):
        for reading in _readings(value):
            try:
                read = form.model_validate(reading)
            except ValidationError as error:
                fault = fault or error
                continue
            if len(read.items) == count:  # type: ignore[attr-defined]
                return read
            found = found or read
    if found:
        return found
    problem = (fault or first).errors()[0]
    where = ".".join(map(str, problem["loc"]))
    raise ValueError(f"{problem['msg']}{' at ' + where if where else ''}: {text[:60]!r}")


def _readings(value: Any) -> Iterator[Any]:
    """What may be meant by a value: itself, the one that holds it, or one inside it."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return
    if isinstance(value, list):
        rows = [row for row in value if isinstance(row, dict)]
        if len(rows) == 1 and "items" in rows[0]:
            yield rows[0]
        if rows and all("items" in row and isinstance(row["items"], list) for row in rows):
            yield {"items": [item for row in rows for item in row["items"]]}
        yield {"items": value}
    elif isinstance(value, dict):
        if isinstance(value.get("items"), dict):
            inner = value["items"]
            yield {"items": [inner] if "number" in inner else list(inner.values())}
        yield value
        if "number" in value:
            yield {"items": [value]}
        for inner in value.values():
            if isinstance(inner, dict) and "items" in inner:
                yield inner
            elif isinstance(inner, list) and "items" not in value and "number" not in value:
                yield {"items": inner}


def _values(text: str) -> Iterator[Any]:
    """The JSON values of a text, those in fences first, then all of them together."""
    fenced = [list(_values_in(part)) for part in re.findall(r"(?:```|~~~)[ \t]*\w*\s*(.*?)(?:```|~~~)", text, re.S)]
    for values in fenced:
        yield from values
    if len(fenced) > 1:
        yield [
            row for values in fenced for value in values[:1] for row in (value if isinstance(value, list) else [value])
        ]
    yield from _values_in(text)


def _values_in(text: str) -> Iterator[Any]:
    text = text.strip()
    whole = _loaded(text)
    if whole is not None:
        yield whole
        return
    found = list(_decoded(text))
    if len(found) > 1:
        yield [row for value in found for row in (value if isinstance(value, list) else [value])]
    yield from sorted(found, key=lambda value: -len(str(value)))


def _decoded(text: str) -> Iterator[Any]:
    """One value after the other, from wherever one begins."""
    clean = STRING_OR_COMMA.sub(lambda match: match[1] or "", text)
    decoder = json.JSONDecoder(strict=False)
    position = starts = 0
    while (begin := re.compile(r"[\[{]").search(clean, position)) and starts < MOST_STARTS:
        starts += 1
        try:
            value, position = decoder.raw_decode(clean, begin.start())
            yield value
        except ValueError:
            position = begin.start() + 1


def _loaded(text: str) -> Any:
    """The whole text as a value, also with trailing commas or as Python would write it; None if it is none."""
    clean = STRING_OR_COMMA.sub(lambda match: match[1] or "", text)
    try:
        return json.loads(clean, strict=False)
    except ValueError:
        pass
    if re.match(r"[\[{]\s*[{\[]?\s*'", text):
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            pass
    return None
