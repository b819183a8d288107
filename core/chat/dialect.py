"""What a server of OpenAI's protocol takes: its address and options, learnt from what it refuses and kept for the run.

Servers refuse an option in words of their own, with 400, 422 or 500, and some with 200. Whatever can be done without
is left out from then on; what a refusal says of the room for tokens is kept to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from pocketmoji.core.chat.reply import Fault, is_model_gone

# How an answer is asked to be JSON, the surest first.
FORMS = ("json_schema", "json_object", "")
MOST_TRIED = 6
LIMITS = ("max_tokens", "max_completion_tokens", "")
# JSON with emoji takes more tokens than prose, four characters to each.
CHARACTERS_PER_TOKEN = 3.0
# A reply may come out longer than it was estimated.
MARGIN = 1.5

NO_SYSTEM = re.compile(
    r"system.{0,60}(role|prompt|message|instruction|turn)|(role|prompt|message|instruction)s?.{0,40}system|"
    r"roles? must alternate|only .{0,30}\b(user|assistant|model)\b.{0,60}(role|support|allow)|developer instruction|"
    r"system\W{0,3} (is )?(not|un)|input should be 'user'",
    re.I | re.S,
)
NO_FORM = re.compile(
    r"response.?format|json.?(schema|object|mode)|structured|grammar|guided|schema|outlines|sampler|constrain", re.I
)
REFUSED = re.compile(
    r"not (currently )?(support|allow|permit|recogni|implement|enabled)|unsupported|unknown|unrecogni|unexpected|"
    r"extra (input|field)|only the default|invalid|instead|forbidden|not available|unavailable|deprecated",
    re.I,
)
NO_ROOM = re.compile(
    r"context.{0,3}(length|size|window|limit)|(model|sequence|input|prompt).{0,20} length|max_model_len|exceed_context|"
    r"n_ctx|too many tokens|(prompt|input|request).{0,30}too (long|large)|"
    r"reduce (the|your) (length|message|prompt|input|max)|"
    r"max(_new|_completion)?_tokens.{0,80}(too large|at most|less than|<=|must be|between|range|exceed|greater)|"
    r"range of max_tokens|tokens?.{0,40}(exceed|longer than|too large|<= ?\d)|larger context|"
    r"(exceed|over)\w*.{0,40}tokens",
    re.I | re.S,
)
_N = r"(\d[\d,]{2,})"
ROOM = [
    re.compile(pattern, re.I | re.S)
    for pattern in (
        rf"n_ctx\D{{0,5}}{_N}",
        rf"\d+ \+ \d+ > {_N}",
        rf"context.{{0,3}}(?:length|size|window|limit)[^\d]{{0,30}}{_N}",
        rf"(?:max_model_len|(?:model|sequence|input|prompt)\w* length)[^\d]{{0,30}}{_N}",
        rf"{_N} maximum context",
        rf"\d+ tokens? > {_N}",
        rf"(?:<=|at most|less than(?: or equal to)?|up to|limit|maximum|allowed)[^\d]{{0,30}}{_N}",
        rf"\[\s*\d+\s*,\s*{_N}\s*\]",
    )
]
PROMPT = [
    re.compile(pattern, re.I | re.S)
    for pattern in (
        rf"n_prompt_tokens\D{{0,5}}{_N}",
        rf"{_N} (?:prompt|input) tokens",
        rf"{_N} (?:tokens )?(?:of text input|(?:from|in) (?:the|your) (?:input|prompt|messages))",
        rf"(?:request|input|prompt)\D{{0,20}}\(?(?:length )?{_N} tokens",
        rf"{_N} `?inputs`?(?! tokens \+)",
        rf"requested tokens \({_N}\)",
    )
]


@dataclass
class Dialect:
    """What one server takes. `addresses` may be those of its chat completions, the likeliest first."""

    addresses: list[str]
    form: str = FORMS[0]
    system: bool = True
    temperature: bool = True
    limit: str = LIMITS[0]
    context: int | None = None
    """Tokens that prompt and answer may have together."""
    most_output: int | None = None
    characters_per_token: float = CHARACTERS_PER_TOKEN
    frugal: bool = False
    """There is a limit on tokens of which only the existence is known."""
    answered: bool = False
    tried: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.addresses[0]

    def elsewhere(self, address: str, why: str, location: str = "") -> str | None:
        """Gives up an address, for that of a redirection or the next one: what is tried now, in words ("" if another
        request gave it up before); None if there is no other."""
        if address != self.address:
            return ""
        target = urljoin(address, location) if location else ""
        self.tried.append(f"{address} ({why})")
        if target and target not in self.addresses and len(self.tried) < MOST_TRIED:
            self.addresses[0] = target
            return f"the server points to {target}"
        if len(self.addresses) == 1:
            return None
        self.addresses.pop(0)
        return f"no chat completions at {address} ({why}): trying {self.address}"

    def other_scheme(self, address: str, why: str) -> str | None:
        """As `elsewhere`, where nothing answers at an address whose scheme was guessed."""
        scheme = urlsplit(address).scheme
        others = [one for one in self.addresses if urlsplit(one).scheme != scheme]
        if self.answered or not others or address != self.address:
            return None
        self.addresses[:] = [address, *others]
        return self.elsewhere(address, why)

    def room(self, most: int, likely: int, characters: int) -> int | None:
        """The limit on the answer's tokens to ask for: at most `most`, for a prompt of so many characters; None if no
        `likely` answer has room."""
        found = most
        if self.frugal:
            found = min(found, int(2 * likely) + 64)
        if self.most_output is not None:
            found = min(found, self.most_output)
        if self.context is not None:
            found = min(found, self.context - int(characters / self.characters_per_token) - 64)
        return found if found >= min(most, int(MARGIN * likely)) else None

    def body(
        self,
        model: str,
        system: str,
        user: str,
        *,
        temperature: float,
        most_tokens: int,
        schema: dict[str, Any] | None = None,
        in_one_turn: str = "",
    ) -> dict[str, Any]:
        """The request, in the form that this server takes; where there is no system turn, `in_one_turn`, which is the
        instructions before the text unless it is said."""
        turns = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        if not self.system:
            turns = [{"role": "user", "content": in_one_turn or f"{system}\n\n{user}"}]
        body: dict[str, Any] = {"model": model, "messages": turns}
        if self.temperature:
            body["temperature"] = temperature
        if self.limit:
            body[self.limit] = most_tokens
        if schema is not None and self.form == "json_schema":
            named = {"name": "answer", "strict": True, "schema": schema}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        elif schema is not None and self.form:
            body["response_format"] = {"type": self.form}
        return body

    def learn(self, sent: dict[str, Any], fault: Fault, characters: int, *, blind: bool = False) -> str | None:
        """What the refusal of `sent` taught, in words ("" if another refusal had taught it before); None if it taught
        nothing. `blind`: it says nothing of its reason, so leave out whatever can be left out."""
        if fault.status in (401, 402, 403, 404, 405, 408, 429) or is_model_gone(fault):
            return None
        words = fault.words
        if re.search(r"api.?key|unauthori[sz]ed|unauthenticated|authentication", words, re.I):
            return None
        form = sent.get("response_format", {}).get("type", "")
        limit = next((name for name in LIMITS if name and name in sent), "")
        if limit == "max_tokens" and "max_completion_tokens" in words and REFUSED.search(words):
            return self._no_limit(limit)
        if limit and re.search(rf"\b{limit}\b", words) and _is_unknown(words):
            return self._no_limit(limit)
        if is_about_room(fault) and not (form and re.search(r"grammar|response.?format", words, re.I)):
            return self._room_told(words, sent.get(limit, 0), characters)
        has_system = sent["messages"][0]["role"] == "system"
        if has_system and NO_SYSTEM.search(words) and not re.search(r"response.?format|json.?schema", words, re.I):
            return self._no_system()
        if form and NO_FORM.search(words):
            return self._no_form(form)
        if "temperature" in sent and re.search(r"temperature|sampling param", words, re.I):
            return self._no_temperature()
        if not blind or self.answered:
            return None
        if form:
            return self._no_form(form)
        if has_system:
            return self._no_system()
        if "temperature" in sent:
            return self._no_temperature()
        return self._no_limit(limit) if limit else None

    def _no_form(self, sent: str) -> str:
        if sent != self.form:
            return ""
        self.form = FORMS[FORMS.index(sent) + 1]
        told = f"asking for {self.form}" if self.form else "asking for JSON in words alone"
        return f"the server takes no {sent}: {told}"

    def _no_system(self) -> str:
        if not self.system:
            return ""
        self.system = False
        return "the model knows no system turn: the instructions go before the text"

    def _no_temperature(self) -> str:
        if not self.temperature:
            return ""
        self.temperature = False
        return "the server takes no temperature: its own holds"

    def _no_limit(self, sent: str) -> str:
        if sent != self.limit:
            return ""
        self.limit = LIMITS[LIMITS.index(sent) + 1]
        return f"the server takes no {sent}: {self.limit or 'no limit'} is sent instead"

    def _room_told(self, words: str, asked: int, characters: int) -> str | None:
        """Keeps what an error says of a limit. None if that was known, so that only a smaller request can help."""
        found = [_number(pattern, words) for pattern in ROOM]
        room = next((n for n in found if n is not None and n != asked), None)
        prompt = next((n for n in (_number(pattern, words) for pattern in PROMPT) if n is not None), None)
        before = (self.context, self.most_output, self.frugal, self.characters_per_token)
        if prompt and characters / 20 < prompt < 4 * characters:
            # Another prompt may well have more tokens for its length.
            self.characters_per_token = 0.9 * characters / prompt
        if room is None:
            self.frugal = True
        elif re.search(r"completion tokens|output tokens|max_(completion_)?tokens", words) and not re.search(
            r"context|model length|model_len|messages|input|prompt|total", words, re.I
        ):
            self.most_output = min(room, self.most_output or room)
        else:
            self.context = min(room, self.context or room)
        if before == (self.context, self.most_output, self.frugal, self.characters_per_token):
            if not asked or (self.context is None and self.most_output is None):
                return None
            # The prompt takes more of it than was thought.
            self.characters_per_token *= 0.75
            return "" if self.characters_per_token > 0.75 else None
        if self.most_output and room == self.most_output:
            return f"an answer may have {room:,} tokens: requests keep to it"
        if room:
            return f"prompt and answer may have {room:,} tokens together: requests keep to it"
        return "the request was too long for the server: asking for shorter answers"


def is_about_room(fault: Fault) -> bool:
    """True if an error says that prompt and answer are too long."""
    return fault.status in (400, 413, 422, 500) and bool(NO_ROOM.search(fault.words))


def _is_unknown(words: str) -> bool:
    return bool(
        re.search(
            r"unsupported|not support|unknown|unrecogni|unexpected|extra (input|field)|not permitted", words, re.I
        )
    )


def _number(pattern: re.Pattern[str], words: str) -> int | None:
    match = pattern.search(words)
    return int(match[1].replace(",", "")) if match else None
