"""The `recorded` teacher's client: it answers requests from a file that a language model wrote once.

The file, `<list>.recorded.jsonl` beside a list, has one paraphrase a line: {"text": the phrase, "paraphrase": ...,
"style": "register=casual, ..."}. Requests, journal, filters and card are those of any other teacher, without a key.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from pocketmoji.core.errors import InputError
from pocketmoji.core.records import Record
from pocketmoji.datagen.clients.client import Answer
from pocketmoji.datagen.filters.similarity import normalise_text
from pocketmoji.datagen.requests.request import Request
from pocketmoji.datagen.requests.teacher import Ask

SUFFIX = ".recorded.jsonl"


class Recorded(Record):
    """A line of a recording."""

    text: str
    paraphrase: str
    style: str = ""


class RecordedModel:
    """What was recorded, by phrase (letter case, spaces and punctuation aside)."""

    def __init__(self, file: Path) -> None:
        self.name = f"recorded:{file.name}"
        self._said: dict[str, list[Recorded]] = {}
        for number, line in enumerate(file.read_text("utf-8").split("\n"), 1):
            if line.strip():
                try:
                    row = Recorded.model_validate_json(line)
                except ValidationError as error:
                    raise InputError(
                        f"a line that is no recorded paraphrase: {error.errors()[0]['msg']}",
                        expected='{"text": the phrase, "paraphrase": the same in other words, "style": ""}',
                        where=f"{file}, line {number}",
                    ) from error
                self._said.setdefault(normalise_text(row.text), []).append(row)

    def left(self, ask: Ask) -> list[Recorded]:
        """What is recorded of a phrase and not to be avoided."""
        avoid = set(ask.avoid)
        return [row for row in self._said.get(normalise_text(ask.seed.text), []) if row.paraphrase not in avoid]

    async def send(self, request: Request) -> Answer:
        items = []
        for number, (ask, styles) in enumerate(zip(request.asks, request.styles, strict=True), 1):
            rows = self.left(ask)[: ask.wanted]
            said = [{"style": n, "text": row.paraphrase} for n, row in zip(_styles(rows, styles), rows, strict=True)]
            items.append({"number": number, "paraphrases": said})
        return Answer(json.dumps({"items": items}, ensure_ascii=False), (0, 0))

    async def close(self) -> None:
        """There is nothing to close."""


def _styles(rows: Sequence[Recorded], styles: Sequence[str]) -> list[int]:
    """For each row the number of the asked style that is most like its own, each style once."""
    free = {number: set(style.split(", ")) for number, style in enumerate(styles, 1)}
    chosen = []
    for row in rows:
        own = set(row.style.split(", "))
        chosen.append(max(free, key=lambda number: (len(free[number] & own), -number)))
        del free[chosen[-1]]
    return chosen
