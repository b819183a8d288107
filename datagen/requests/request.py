"""One request to a model: the prompt and schema that all model teachers share, its fingerprint, its reply's check."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from pocketmoji.core.workspace import canonical_json
from pocketmoji.datagen.requests.axes import cells
from pocketmoji.datagen.requests.reply import parsed
from pocketmoji.datagen.requests.teacher import Ask, Candidate

Part = TypeVar("Part", bound=BaseModel)

TEMPERATURE = 1.0
# Room for the longest paraphrase anyone would want, in tokens, with its part of the JSON; bounds what a reply can cost.
TOKENS_PER_PARAPHRASE = 80
TOKENS_OVERHEAD = 512

INSTRUCTIONS = """\
You help to train a small model that translates short texts to emoji. For each numbered text, write one paraphrase for
each of its "styles": what different people would type into a chat if they meant exactly this, in that style. "emoji"
shows what the text means to its owner. Vary wording and word order. Keep names and in-jokes as they are: they decide
the answer. Write in {language}. Write no emoji, no numbering and no quotation marks around a paraphrase; repeat neither
yourself nor what "avoid" lists; write nothing that would fit another text of the list as well. Answer with JSON and
nothing else:
"""
FORM = '{"items": [{"number": <number of the text>, "paraphrases": [{"style": <number>, "text": <paraphrase>}]}]}'
# For models that have one turn for instructions and texts: no bracket before the texts begins what could be them.
FORM_IN_WORDS = """\
an object with a list "items"; in it for each text an object with its "number" and a list "paraphrases", in which for
each style stands an object with "style", the number, and "text", the paraphrase. The texts:"""
OWN_LANGUAGE = "the language of the text"


class Strict(BaseModel):
    """A part of a reply. What was not asked for is passed over: models like to repeat the text, or to explain."""

    model_config = ConfigDict(extra="ignore")


class Paraphrase(Strict):
    """A paraphrase and the number of the style that it keeps to."""

    style: int
    text: str


class Item(Strict):
    """The paraphrases of one numbered text."""

    number: int
    paraphrases: list[Paraphrase]


class Reply(Strict, Generic[Part]):
    """What a model must answer: an item for each text that it was asked about."""

    items: list[Part]


# To name a generic model anew takes longer than to check a reply with it.
ItemsReply = Reply[Item]


def reply_schema(**parts: dict[str, Any]) -> dict[str, Any]:
    """The schema of a reply whose items have, beside their number, a list of each of `parts`, in the form that servers
    with strict schemas want."""
    lists = {name: {"type": "array", "items": part} for name, part in parts.items()}
    return strict_object(items={"type": "array", "items": strict_object(number={"type": "integer"}, **lists)})


def strict_object(**properties: dict[str, Any]) -> dict[str, Any]:
    """An object's schema without references, every field required."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


PARAPHRASE = strict_object(style={"type": "integer"}, text={"type": "string"})


@dataclass(frozen=True)
class Request:
    """Some seeds to be paraphrased by one model in one go. `teacher` is "<teacher>:<model>"; `thinking_tokens` is how
    much the model may think before it answers."""

    teacher: str
    asks: tuple[Ask, ...]
    axes: dict[str, tuple[str, ...]]
    language: str = OWN_LANGUAGE
    thinking_tokens: int = field(default=0, kw_only=True)

    schema: ClassVar[dict[str, Any]] = reply_schema(paraphrases=PARAPHRASE)
    schema_text: ClassVar[str] = json.dumps(schema)

    @property
    def instructions(self) -> str:
        return _instructions(self.language)

    @property
    def in_one_turn(self) -> str:
        """Instructions and prompt together, for models that know no system turn."""
        return f"{INSTRUCTIONS.format(language=self.language)}{FORM_IN_WORDS}\n\n{self.prompt}"

    @property
    def temperature(self) -> float:
        return TEMPERATURE

    @cached_property
    def styles(self) -> tuple[tuple[str, ...], ...]:
        """For each seed the cells that its paraphrases are to stand in, as a model reads them."""
        # Interned: the same few thousand cells come again in every seed.
        return tuple(
            tuple(map(sys.intern, cells(ask.seed.seed_id, self.axes, ask.asked, ask.wanted))) for ask in self.asks
        )

    @cached_property
    def prompt(self) -> str:
        """The seeds as JSON, so that no seed's text can be taken for an instruction's punctuation."""
        texts = [
            {
                "number": number,
                "text": ask.seed.text,
                "emoji": ask.seed.emoji,
                "styles": {str(n): style for n, style in enumerate(styles, 1)},
                "avoid": ask.avoid,
            }
            for number, (ask, styles) in enumerate(zip(self.asks, self.styles, strict=True), 1)
        ]
        return json.dumps(texts, ensure_ascii=False)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what decides which reply is a good one.

        Identity: the teacher and its model's name, the instructions, the prompt (seeds, emoji, styles, texts to avoid),
        the schema, the temperature. Not identity: the key, the server's address, the executor, its concurrency and
        limits, prices and budgets, the room for thoughts, the number of the attempt, the time, where the journal lies.
        So a run that was begun with one executor, on one server, is finished with any other.
        """
        before, after = _around_prompt(self.teacher, self.instructions, self.schema_text, self.temperature)
        digest = before.copy()
        digest.update(canonical_json(self.prompt).encode() + after)
        return digest.hexdigest()

    @property
    def most_output_tokens(self) -> int:
        """The limit that is sent along: a reply cannot cost more."""
        return TOKENS_OVERHEAD + TOKENS_PER_PARAPHRASE * sum(ask.wanted for ask in self.asks) + self.thinking_tokens

    @property
    def most_input_tokens(self) -> int:
        """A bound that holds for every tokenizer with byte fallback: a token is at least one byte long."""
        return len((self.instructions + self.prompt + self.schema_text).encode()) + 64

    @cached_property
    def likely_tokens(self) -> tuple[int, int]:
        """Input and output tokens to expect, from four characters to a token."""
        sent = len(self.instructions) + len(self.prompt) + len(self.schema_text)
        received = sum(ask.wanted * (len(ask.seed.text) + 40) + 40 for ask in self.asks)
        return -(-sent // 4), -(-received // 4)

    def check(self, answer: str) -> list[list[tuple[int, str]]]:
        """(style, text) by seed if the answer keeps to the schema and the numbers asked for; ValueError if not."""
        reply = parsed(ItemsReply, answer, len(self.asks))
        by_number = {item.number: item.paraphrases for item in reply.items}
        if len(reply.items) != len(self.asks) or set(by_number) != set(range(1, len(self.asks) + 1)):
            numbers = sorted(item.number for item in reply.items)
            raise ValueError(f"items for the texts {numbers[:20]}, expected 1 to {len(self.asks)}")
        if any(not any(p.text.strip() for p in texts) for texts in by_number.values()):
            raise ValueError("a text without any paraphrase")
        return [[(p.style, p.text) for p in by_number[n]] for n in range(1, len(self.asks) + 1)]

    def candidates(self, reply: Sequence[Sequence[Sequence[Any]]]) -> list[list[Candidate]]:
        """The candidates of a checked reply, by seed, each with the cell it was written for."""
        return [
            [
                Candidate(str(text), self.teacher, styles[style - 1] if 1 <= style <= len(styles) else "")
                for style, text in texts
            ]
            for styles, texts in zip(self.styles, reply, strict=True)
        ]

    def without_prompt(self) -> Request:
        """The same, without what takes most of the memory and is no longer needed once the reply has come."""
        light = replace(self)
        light.__dict__.update(styles=self.styles, fingerprint=self.fingerprint)
        return light

    def halves(self) -> tuple[Request, ...]:
        """The same in two requests: half of the seeds each, or of a lone seed's paraphrases; none if there is one."""
        middle = len(self.asks) // 2
        if middle:
            return replace(self, asks=self.asks[:-middle]), replace(self, asks=self.asks[-middle:])
        ask = self.asks[0]
        later = ask.wanted // 2
        if not later:
            return ()
        first = replace(ask, wanted=ask.wanted - later)
        second = replace(ask, wanted=later, asked=ask.asked + first.wanted)
        return replace(self, asks=(first,)), replace(self, asks=(second,))


@lru_cache(maxsize=64)
def _instructions(language: str) -> str:
    return INSTRUCTIONS.format(language=language) + FORM


@lru_cache(maxsize=64)
def _around_prompt(teacher: str, instructions: str, schema_text: str, temperature: float) -> tuple[Any, bytes]:
    """What the identities of a run's requests have in common: of their canonical JSON, the digest of all before the
    prompt, and the text after it."""
    identity = {
        "teacher": teacher,
        "instructions": instructions,
        "prompt": "",
        "schema": json.loads(schema_text),
        "temperature": temperature,
    }
    before, after = canonical_json(identity).split('"prompt": ""')
    return hashlib.sha256(f'{before}"prompt": '.encode()), after.encode()
