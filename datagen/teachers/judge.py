"""A judge: a second model that says, after the filters, whether a paraphrase still means what its seed means."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.records import Seed
from pocketmoji.datagen.executors.journal import Journal
from pocketmoji.datagen.filters.filters import Screen
from pocketmoji.datagen.requests.reply import parsed
from pocketmoji.datagen.requests.request import (
    TOKENS_OVERHEAD,
    Reply,
    Request,
    Strict,
    reply_schema,
    strict_object,
)
from pocketmoji.datagen.requests.teacher import Ask, Candidate
from pocketmoji.datagen.teachers.model_teacher import Executor, pieces, settle

REFUSED, UNJUDGED = "refused by the judge", "not judged"
TOKENS_PER_VERDICT = 60

INSTRUCTIONS = """\
You check paraphrases that a small model is to learn from: it translates short texts to emoji. For each numbered text,
"emoji" shows what the text means to its owner. Say of each of its "paraphrases" whether whoever typed it could mean
just that and would want exactly these emoji. A lost or changed name or in-joke, a fact that was added or lost, another
mood, or a text that no person would type: it does not fit. Answer with JSON and nothing else:
"""
FORM = """\
{"items": [{"number": <number of the text>, "verdicts": [{"paraphrase": <number>, "fits": <true or false>, "why": <few
words>}]}]}"""
FORM_IN_WORDS = """\
an object with a list "items"; in it for each text an object with its "number" and a list "verdicts", in which for each
paraphrase stands an object with "paraphrase", its number, "fits", true or false, and "why", a few words. The texts:"""


class Verdict(Strict):
    """Of one paraphrase, by its number."""

    paraphrase: int
    fits: bool
    why: str


class Item(Strict):
    """The verdicts on one numbered text's paraphrases."""

    number: int
    verdicts: list[Verdict]


ItemsReply = Reply[Item]
VERDICT = strict_object(paraphrase={"type": "integer"}, fits={"type": "boolean"}, why={"type": "string"})


@dataclass(frozen=True)
class JudgeRequest(Request):
    """The seeds' `paraphrases`, in the order of `asks`, to be judged by `teacher` ("<kind>:<model>") in one go. In its
    reply a text's pairs are (number of the paraphrase, "" or why it does not fit)."""

    paraphrases: tuple[tuple[str, ...], ...] = ()

    schema: ClassVar[dict[str, Any]] = reply_schema(verdicts=VERDICT)
    schema_text: ClassVar[str] = json.dumps(schema)

    @cached_property
    def instructions(self) -> str:
        return INSTRUCTIONS + FORM

    @property
    def in_one_turn(self) -> str:
        return f"{INSTRUCTIONS}{FORM_IN_WORDS}\n\n{self.prompt}"

    @property
    def temperature(self) -> float:
        return 0.0

    @cached_property
    def prompt(self) -> str:
        texts = [
            {
                "number": number,
                "text": ask.seed.text,
                "emoji": ask.seed.emoji,
                "paraphrases": {str(n): text for n, text in enumerate(texts, 1)},
            }
            for number, (ask, texts) in enumerate(zip(self.asks, self.paraphrases, strict=True), 1)
        ]
        return json.dumps(texts, ensure_ascii=False, indent=1)

    @property
    def most_output_tokens(self) -> int:
        return TOKENS_OVERHEAD + TOKENS_PER_VERDICT * sum(map(len, self.paraphrases)) + self.thinking_tokens

    @property
    def likely_tokens(self) -> tuple[int, int]:
        sent = len(self.instructions) + len(self.prompt) + len(self.schema_text)
        return -(-sent // 4), 20 * sum(map(len, self.paraphrases))

    def check(self, answer: str) -> list[list[tuple[int, str]]]:
        items = parsed(ItemsReply, answer, len(self.asks)).items
        found = {
            item.number: {v.paraphrase: "" if v.fits else v.why or "no reason" for v in item.verdicts} for item in items
        }
        for number, texts in enumerate(self.paraphrases, 1):
            if set(found.get(number, ())) != set(range(1, len(texts) + 1)):
                raise ValueError(f"the verdicts on text {number} are not one for each of its {len(texts)} paraphrases")
        return [sorted(found[number].items()) for number in range(1, len(self.paraphrases) + 1)]

    def halves(self) -> tuple[Request, ...]:
        middle = len(self.asks) // 2
        if middle:
            first = replace(self, asks=self.asks[:-middle], paraphrases=self.paraphrases[:-middle])
            return first, replace(self, asks=self.asks[-middle:], paraphrases=self.paraphrases[-middle:])
        texts = self.paraphrases[0]
        later = len(texts) // 2
        parts = (texts[:-later], texts[-later:]) if later else ()
        return tuple(
            replace(self, asks=(replace(self.asks[0], wanted=len(part)),), paraphrases=(part,)) for part in parts
        )


class Judge:
    """Asks the model `name` through `executor`, whose journal keeps the verdicts: they too are paid for once."""

    def __init__(self, name: str, executor: Executor, journal: Journal, config: DatagenConfig) -> None:
        self.name = name
        self._executor, self._journal, self._config = executor, journal, config

    def faults(self, offered: Sequence[tuple[Seed, Sequence[str]]]) -> list[list[str | None]]:
        """Of each seed's texts: "" where one fits, else why not; None where the judge gave no verdict."""
        requests, at_once = list[Request](), self._config.seeds_per_request
        for start in range(0, len(offered), at_once):
            some = offered[start : start + at_once]
            asks = tuple(Ask(seed, len(texts)) for seed, texts in some)
            shown = tuple(tuple(texts) for _, texts in some)
            requests.append(JudgeRequest(self.name, asks, {}, "", shown, thinking_tokens=self._config.thinking_tokens))
        settle(self._executor, self._journal, requests, lambda n: None)
        return [why for request in requests for why in self._verdicts(request)]

    def _verdicts(self, request: Request) -> list[list[str | None]]:
        """By seed, for each of its texts: "" or why it does not fit, None without a verdict."""
        entry = self._entry(request)
        if entry is not None:
            return [[str(why) for _, why in texts] for texts in entry["reply"]]
        parts = [self._verdicts(part) for part in pieces(request, self._journal)]
        if not parts:
            return [[None] * ask.wanted for ask in request.asks]
        return [seed for part in parts for seed in part] if len(request.asks) > 1 else [parts[0][0] + parts[1][0]]

    def _entry(self, request: Request) -> dict[str, Any] | None:
        return self._journal.entry(request.fingerprint)


def screened(screen: Screen, judge: Judge | None, offered: Sequence[tuple[int, Candidate]]) -> list[bool]:
    """Which of the candidates, each with the number of its seed, pass the filters and then the judge, if any."""
    fits = screen.accept(offered)
    if judge is None:
        return fits
    by_seed: dict[int, list[int]] = {}
    for row, (number, _) in enumerate(offered):
        if fits[row]:
            by_seed.setdefault(number, []).append(row)
    asked = [(screen.seeds[number], [offered[row][1].text for row in rows]) for number, rows in by_seed.items()]
    for (number, rows), faults in zip(by_seed.items(), judge.faults(asked), strict=True):
        for row, fault in zip(rows, faults, strict=True):
            if fault == "":
                continue
            fits[row] = False
            reason = UNJUDGED if fault is None else REFUSED
            screen.drop(screen.seeds[number], offered[row][1], reason, why=fault)
    return fits
