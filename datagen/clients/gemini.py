"""The `gemini` teacher's client: one request to a Gemini model, through google-genai.

What a model takes is asked of the service or learnt from its refusals, never read from its name: names that last
("gemini-flash-lite-latest") say nothing, and the next model differs from the last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pocketmoji.core.chat.dialect import NO_FORM, NO_SYSTEM
from pocketmoji.core.chat.reply import wait_told
from pocketmoji.core.console import say
from pocketmoji.core.errors import TeacherError
from pocketmoji.datagen.clients.client import Answer, Busy, Learnt, failure, names_told, no_connection
from pocketmoji.datagen.requests.request import Request

KEY = "GEMINI_API_KEY (or GOOGLE_API_KEY)"
SERVICE = "the Gemini API"
# Thoughts are billed as output and cut the answer short: as few as a model allows. Newer models have levels, older ones
# a budget in tokens; the last is to say nothing, for those that do not think.
THINKING: tuple[dict[str, Any], ...] = (
    {"thinking_level": "MINIMAL"},
    {"thinking_level": "LOW"},
    {"thinking_level": "MEDIUM"},
    {"thinking_budget": 0},
    {"thinking_budget": 128},
    {},
)
LEVELS = ("minimal", "low", "medium", "high")
BUDGETS = 3


@dataclass
class Habits:
    """What a model was found to take, for all clients of a run. `thinking` is a place in THINKING."""

    thinking: int = 0
    system: bool = True
    schema: bool = True
    asked: bool = False
    answers: str = ""
    """The model that answers, in the service's words."""

    def learn(self, sent: tuple[int, bool, bool], message: str) -> str | None:
        """What a refusal (400) of a request in this form taught, in words ("" if another had taught it before); None if
        it taught nothing."""
        thinking, system, schema = sent
        if re.search(r"think|\bbudget\b", message, re.I):
            if thinking != self.thinking:
                return ""
            before, self.thinking = self.thinking, _next_thinking(thinking, message)
            if before == self.thinking:
                return None
            return f"the model does not think as asked ({message.strip()[:120]}): {_thinking_told(self.thinking)}"
        if system and NO_SYSTEM.search(message):
            told = "the model knows no system turn: the instructions go before the text" if self.system else ""
            self.system = False
            return told
        if schema and NO_FORM.search(message):
            told = "the model takes no schema: asking for JSON in words alone" if self.schema else ""
            self.schema = False
            return told
        return None

    @property
    def form(self) -> tuple[int, bool, bool]:
        return self.thinking, self.system, self.schema


def _next_thinking(sent: int, message: str) -> int:
    """The place in THINKING to go on at after a refusal."""
    allowed = re.search(r"(?:allowed|supported|valid) (?:values|levels)\W*(?:are|is)?\W*([\w, '\"]+)", message, re.I)
    named = [place for place in range(BUDGETS) if allowed and re.search(rf"\b{LEVELS[place]}\b", allowed[1], re.I)]
    if named and named[0] > sent:
        return named[0]
    if re.search(
        r"thinking.?config is not|thinking is not (supported|enabled|available)|not support thinking", message, re.I
    ):
        return len(THINKING) - 1
    says_which = any(re.search(rf"\b{level}\b", message, re.I) for level in LEVELS)
    if sent < BUDGETS and re.search(r"level is not", message, re.I) and not says_which:
        return BUDGETS
    return min(sent + 1, len(THINKING) - 1)


def _thinking_told(place: int) -> str:
    chosen = THINKING[place]
    return f"asking for {next(iter(chosen))} {next(iter(chosen.values()))}" if chosen else "leaving that to the model"


def make_client(key: str, base_url: str | None, timeout: float) -> Any:
    """A google-genai client that leaves retrying to us: it does not know the delay that the server asks for."""
    from google import genai
    from google.genai import types

    # The client's own choice of version differs between its releases; v1beta is the one whose reference has response
    # schemas and batch jobs.
    options = types.HttpOptions(
        base_url=base_url or None,
        api_version="v1beta",
        timeout=int(timeout * 1000),
        retry_options=types.HttpRetryOptions(attempts=1),
    )
    return genai.Client(api_key=key, vertexai=False, http_options=options)


def generation_config(request: Request, habits: Habits) -> Any:
    """What goes along with the prompt: instructions, schema, and the limit that bounds the cost. No temperature: it is
    1 unless it is told, and Gemini 3 wants it left there."""
    from google.genai import types

    config = types.GenerateContentConfig(max_output_tokens=request.most_output_tokens)
    if habits.system:
        config.system_instruction = request.instructions
    if habits.schema:
        config.response_mime_type = "application/json"
        config.response_schema = _without_extras(request.schema)
    # With room for thoughts the model thinks as it does of itself.
    if THINKING[habits.thinking] and not request.thinking_tokens:
        config.thinking_config = types.ThinkingConfig(**THINKING[habits.thinking])
    return config


def prompt_of(request: Request, habits: Habits) -> str:
    return request.prompt if habits.system else request.in_one_turn


def answer_of(response: Any) -> Answer:
    """The text of a response, the tokens that it is billed for, whether it was cut off, and which model it is from."""
    from google.genai import types

    first, text, usage = next(iter(response.candidates or ()), None), response.text or "", response.usage_metadata
    cut = first is not None and first.finish_reason == types.FinishReason.MAX_TOKENS
    model = response.model_version or ""
    if usage is None:
        return Answer(text, cut=cut, model=model)
    sent = usage.prompt_token_count or 0
    return Answer(text, (sent, max(0, (usage.total_token_count or sent) - sent)), cut, model)


async def introduce(client: Any, model: str, habits: Habits) -> None:
    """Asks the service about the model, once in a run and before anything is paid. TeacherError, with the names that
    the key can use, if there is no such model; what else goes wrong the first request will tell."""
    habits.asked = True
    try:
        found = await client.aio.models.get(model=model)
    except Exception as error:
        if getattr(error, "code", None) == 404 and (names := await _names(client)) and model not in names:
            raise gone(model, str(getattr(error, "message", "")), names) from error
        return
    if found.name and not found.thinking:
        habits.thinking = len(THINKING) - 1


def gone(model: str, message: str, names: list[str]) -> TeacherError:
    """The error of a model that is no more, or not for this key."""
    return TeacherError(
        f"gemini:{model} is not to be had ({message[:200]})",
        expected=f"one of {names_told(model, names)}" if names else None,
        where=SERVICE,
        remedy="give another name with --teacher-model; gemini-flash-lite-latest and gemini-flash-latest last",
    )


async def _names(client: Any) -> list[str]:
    """The models that the key can have content of; none if the service does not say."""
    try:
        listed = [one async for one in await client.aio.models.list(config={"page_size": 200})]
    except Exception:  # only to word an error better
        return []
    fit = [one for one in listed if one.name and "generateContent" in (one.supported_actions or ["generateContent"])]
    return [str(one.name).removeprefix("models/") for one in fit]


class GeminiClient:
    """Talks to one model. `base_url` (or GOOGLE_GEMINI_BASE_URL) names another server that speaks the Gemini API. What
    is learnt about the model is kept in `habits`, for the clients that come after this one."""

    def __init__(self, model: str, key: str, base_url: str | None, habits: Habits, timeout: float) -> None:
        self.name = f"gemini:{model}"
        self._model, self._where, self._habits, self._timeout = model, base_url or SERVICE, habits, timeout
        self._client = make_client(key, base_url, timeout)

    async def send(self, request: Request) -> Answer:
        from google.genai import errors

        habits = self._habits
        if not habits.asked:
            await introduce(self._client, self._model, habits)
        form = habits.form
        try:
            response = await self._client.aio.models.generate_content(
                model=self._model, contents=prompt_of(request, habits), config=generation_config(request, habits)
            )
        except errors.APIError as error:
            raise await self._meant(error, form) from error
        except ValueError:  # status 200 but no JSON in it: as good as a malformed reply
            return Answer("<not JSON>")
        except Exception as error:
            raise no_connection(error, self._timeout) from error
        answer = answer_of(response)
        if answer.model and not habits.answers:
            habits.answers = answer.model.removeprefix("models/")
            if habits.answers != self._model.removeprefix("models/"):
                say(f"{self.name}: {habits.answers} answers")
        return answer

    async def close(self) -> None:
        await self._client.aio.aclose()

    async def _meant(self, error: Any, form: tuple[int, bool, bool]) -> Exception:
        message = f"{error.status or ''}: {error.message or ''}"
        if error.code == 400 and (learnt := self._habits.learn(form, str(error.message or ""))) is not None:
            return Learnt(learnt)
        if error.code == 404:
            return gone(self._model, str(error.message or ""), await _names(self._client))
        told = wait_told(error.details, getattr(error.response, "headers", None))
        meant: Busy | TeacherError = failure(
            self.name, error.code, message, told, error.details, where=self._where, key=KEY
        )
        return meant


def _without_extras(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema in the form that the Gemini API takes, which knows no additionalProperties."""
    kept = {key: value for key, value in schema.items() if key != "additionalProperties"}
    if "items" in kept:
        kept["items"] = _without_extras(kept["items"])
    if "properties" in kept:
        kept["properties"] = {name: _without_extras(part) for name, part in kept["properties"].items()}
    return kept
