"""The `gemini` teacher: paraphrases by a Gemini model, through google-genai.

Each request asks for several seeds at once and wants JSON of a fixed schema back. A reply counts only once it has been
checked against that schema; then it is journalled, and an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from datagen.journal import Journal
from datagen.teacher import Ask, Candidate
from pocketmoji.console import say
from pocketmoji.errors import TeacherError
from pocketmoji.workspace import digest_json

SEEDS_PER_REQUEST = 8
CONCURRENCY = 4
# How often a request is sent while the server is busy or out of reach, and how often after a reply of no use.
ATTEMPTS = 6
MALFORMED_ATTEMPTS = 3
# Seeds in a row without a usable reply before the model is taken to be unfit, and money no longer spent on it.
UNUSABLE_SEEDS = 5
LONGEST_WAIT = 300.0
TIMEOUT_MS = 120_000

INSTRUCTIONS = """\
You help to train a small model that translates short texts to emoji. For each numbered text, write as many paraphrases
as "wanted" says: what different people would type into a chat if they meant exactly this. "emoji" shows what the text
means to its owner. Vary wording, word order, length and register (casual, terse, excited, formal, a question). Keep
names and in-jokes as they are: they decide the answer. Write in the language of the text. Write no emoji, no numbering
and no quotation marks around a paraphrase; repeat neither yourself nor what "avoid" lists; write nothing that would fit
another text of the list as well."""

Sleep = Callable[[float], Awaitable[None]]


class Item(BaseModel):
    """The paraphrases of one numbered text."""

    number: int
    paraphrases: list[str]


class Reply(BaseModel):
    """What the model must answer."""

    items: list[Item]


class GeminiTeacher:
    """Talks to one model. `base_url` (or GOOGLE_GEMINI_BASE_URL) names another server that speaks the Gemini API."""

    def __init__(
        self,
        model: str,
        key: str,
        journal: Path,
        *,
        base_url: str | None = None,
        concurrency: int = CONCURRENCY,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = f"gemini:{model}"
        self._model, self._key, self._base_url = model, key, base_url
        self._journal = Journal(journal)
        self._concurrency, self._sleep = concurrency, sleep
        self._unusable = 0

    async def paraphrase(self, asks: Sequence[Ask], done: Callable[[int], None]) -> list[list[Candidate]]:
        from google import genai
        from google.genai import types

        # We retry ourselves (attempts=1): the client does not know the delay that the server asks for. The client's own
        # choice of version differs between its releases; v1beta is the one whose reference has response schemas.
        options = types.HttpOptions(
            base_url=self._base_url,
            api_version="v1beta",
            timeout=TIMEOUT_MS,
            retry_options=types.HttpRetryOptions(attempts=1),
        )
        client = genai.Client(api_key=self._key, vertexai=False, http_options=options)
        gate = asyncio.Semaphore(self._concurrency)

        async def one(batch: Sequence[Ask]) -> list[list[str]]:
            async with gate:
                texts = await self._batch(client, batch)
            done(len(batch))
            return texts

        batches = [asks[i : i + SEEDS_PER_REQUEST] for i in range(0, len(asks), SEEDS_PER_REQUEST)]
        tasks = [asyncio.ensure_future(one(batch)) for batch in batches]
        try:
            answers = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await client.aio.aclose()
        return [[Candidate(text, self.name) for text in texts] for answer in answers for texts in answer]

    async def _batch(self, client: Any, asks: Sequence[Ask]) -> list[list[str]]:
        """The paraphrases of each ask. A batch that never gives a usable reply is asked for seed by seed; a seed that
        does not either gets none."""
        prompt = _prompt(asks)
        digest = digest_json({"model": self._model, "instructions": INSTRUCTIONS, "prompt": prompt})
        reply = self._journal.get(digest)
        if reply is not None and len(reply) == len(asks):
            return [list(map(str, texts)) for texts in reply]
        problem = ""
        for _ in range(MALFORMED_ATTEMPTS):
            answer = await self._send(client, prompt)
            try:
                texts = _check(answer, len(asks))
            except ValueError as error:
                problem = str(error).splitlines()[0]
                continue
            self._journal.put(digest, texts)
            self._unusable = 0
            return texts
        if len(asks) > 1:
            texts = [(await self._batch(client, [ask]))[0] for ask in asks]
            if all(texts):
                self._journal.put(digest, texts)
            return texts
        self._unusable += 1
        say(f"{self.name}: no usable reply for line {asks[0].seed.line}, {asks[0].seed.text!r} ({problem})")
        if self._unusable >= UNUSABLE_SEEDS:
            raise TeacherError(
                f"{self.name} gave no usable reply for {self._unusable} seeds in a row ({problem})",
                expected="JSON of the schema that was sent along",
                remedy="try another model with --teacher-model; what was received is kept",
            )
        return [[]]

    async def _send(self, client: Any, prompt: str) -> str:
        """The raw text of one reply, waiting while the server is busy. TeacherError when waiting cannot help."""
        from google.genai import errors, types

        config = types.GenerateContentConfig(
            system_instruction=INSTRUCTIONS,
            temperature=1.0,
            response_mime_type="application/json",
            response_schema=Reply,
        )
        problem = ""
        for attempt in range(ATTEMPTS):
            try:
                response = await client.aio.models.generate_content(model=self._model, contents=prompt, config=config)
                return response.text or ""
            except errors.APIError as error:
                problem = f"{error.code} {error.status or ''}: {error.message or ''}".strip()
                if error.code not in (408, 429) and error.code < 500:
                    raise self._refused(error.code, problem) from error
                told = retry_delay(error) if error.code == 429 else None
                if error.code == 429 and ("PerDay" in str(error.details) or (told or 0) > LONGEST_WAIT):
                    raise TeacherError(
                        f"the quota of {self.name} is used up ({problem})",
                        remedy="run the same command again when it is renewed: what was received is kept",
                    ) from error
            except ValueError:  # status 200 but no JSON in it: as good as a malformed reply
                return ""
            except Exception as error:
                if not _is_network(error):
                    raise
                told, problem = None, f"no connection: {error or type(error).__name__}"
            if attempt + 1 < ATTEMPTS:
                wait = told if told is not None else min(60.0, 2.0**attempt) * random.uniform(0.5, 1.5)
                say(f"{self.name}: {problem.splitlines()[0][:120]}; asking again in {wait:.0f} s")
                await self._sleep(wait)
        raise TeacherError(
            f"{self.name} did not answer in {ATTEMPTS} attempts ({problem})",
            where=self._base_url,
            remedy="run the same command again later, or use --teacher offline: what was received is kept",
        )

    def _refused(self, code: int, problem: str) -> TeacherError:
        if code in (401, 403) or "API key" in problem or "API_KEY" in problem:
            return TeacherError(
                f"the key for {self.name} was refused ({problem})",
                expected="a Gemini API key that may use this model",
                remedy="check GEMINI_API_KEY (or GOOGLE_API_KEY), or use --teacher offline",
            )
        remedy = (
            "check the name given with --teacher-model" if code == 404 else "try another model with --teacher-model"
        )
        return TeacherError(f"{self.name} refused the request ({problem})", remedy=remedy)


def retry_delay(error: Any) -> float | None:
    """Seconds that a 429 asks to wait: RetryInfo in its details, else the Retry-After header, else None."""
    body = error.details if isinstance(error.details, dict) else {}
    for detail in body.get("error", body).get("details") or []:
        if isinstance(detail, dict) and str(detail.get("@type", "")).endswith("RetryInfo"):
            match = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(detail.get("retryDelay", "")))
            if match:
                return float(match[1])
    headers = getattr(error.response, "headers", None) or {}
    after = str(headers.get("Retry-After", "") or "")
    return float(after) if re.fullmatch(r"\d+(?:\.\d+)?", after) else None


def _prompt(asks: Sequence[Ask]) -> str:
    """The request as JSON, so that no seed's text can be taken for an instruction's punctuation."""
    texts = [
        {"number": number, "text": ask.seed.text, "emoji": ask.seed.emoji, "wanted": ask.wanted, "avoid": ask.avoid}
        for number, ask in enumerate(asks, 1)
    ]
    return json.dumps(texts, ensure_ascii=False, indent=1)


def _is_network(error: Exception) -> bool:
    """True for a failure between us and the server. The client may sit on any of three HTTP libraries."""
    return isinstance(error, OSError) or type(error).__module__.split(".")[0] in ("httpx", "httpx2", "aiohttp")


def _check(answer: str, seeds: int) -> list[list[str]]:
    """The paraphrases by seed if the answer keeps to the schema and to the numbers asked for; ValueError if not."""
    reply = Reply.model_validate_json(answer)
    by_number = {item.number: item.paraphrases for item in reply.items}
    if len(reply.items) != seeds or set(by_number) != set(range(1, seeds + 1)):
        raise ValueError(f"numbers {sorted(item.number for item in reply.items)}, expected 1 to {seeds}")
    if any(not any(map(str.strip, texts)) for texts in by_number.values()):
        raise ValueError("a text without any paraphrase")
    return [by_number[number] for number in range(1, seeds + 1)]
