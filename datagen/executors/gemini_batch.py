"""The `gemini-batch` executor: the Gemini Developer API's batch jobs, at half the price and within a day.

A job's state says little: jobs have "succeeded" with every row failed. So each row is found by its own key (the
request's fingerprint), checked like any other reply, and asked again in the next job if it is missing or of no use.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from pocketmoji.core.console import say
from pocketmoji.core.errors import TeacherError
from pocketmoji.core.workspace import digest_json
from pocketmoji.datagen.clients.client import failure, no_connection, wait_told
from pocketmoji.datagen.clients.gemini import (
    KEY,
    Habits,
    answer_of,
    generation_config,
    introduce,
    make_client,
    prompt_of,
)
from pocketmoji.datagen.executors.async_executor import ATTEMPTS, MALFORMED_ATTEMPTS, spent, verdict
from pocketmoji.datagen.executors.budget import Budget
from pocketmoji.datagen.executors.journal import Journal
from pocketmoji.datagen.executors.limits import backoff
from pocketmoji.datagen.requests.request import Request

REQUESTS_PER_JOB = 500
# Requests that travel inside the call that makes the job may be 20 MB together.
BYTES_PER_JOB = 15_000_000
POLL_FIRST, POLL_LONGEST = 5.0, 60.0
OVER = ("SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED", "PARTIALLY_SUCCEEDED")


class GeminiBatchExecutor:
    """Sees to it that requests have their verdict in the journal, by batch jobs, one at a time."""

    def __init__(
        self,
        model: str,
        key: str,
        base_url: str,
        journal: Journal,
        budget: Budget,
        *,
        timeout: float = 120.0,
        requests_per_job: int = REQUESTS_PER_JOB,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._name, self._model, self._key, self._base_url = f"gemini:{model}", model, key, base_url
        self._journal, self._budget, self._sleep = journal, budget, sleep
        self._requests_per_job, self._timeout = requests_per_job, timeout
        self._habits = Habits()
        self._answered = False

    async def run(self, requests: Iterable[Request], done: Callable[[int], None]) -> None:
        """Gives every request its verdict, or stops early with the budget exhausted."""
        client = make_client(self._key, self._base_url, self._timeout)
        try:
            if not self._habits.asked:
                await introduce(client, self._model, self._habits)
            tried: Counter[str] = Counter()
            for chunk in self._chunks(requests, done):
                todo = chunk
                while todo:
                    known = {request.fingerprint: request for request in todo}
                    # A job that an interrupted run had made is waited for, not made again.
                    open_job = next((n for n, of in self._journal.jobs.items() if known.keys() & set(of)), None)
                    if open_job is None:
                        todo = [request for request in todo if self._budget.reserve(request)]
                        if not todo:
                            return
                        open_job = await self._make_job(client, todo, tried)
                    await self._collect(client, open_job, known, tried)
                    self._write_off(known, tried)
                    todo = [request for request in known.values() if request.fingerprint not in self._journal]
                    done(sum(len(request.asks) for request in known.values() if request not in todo))
        finally:
            await client.aio.aclose()

    def _chunks(self, requests: Iterable[Request], done: Callable[[int], None]) -> Iterator[list[Request]]:
        chunk: list[Request] = []
        size = 0
        for request in requests:
            if request.fingerprint in self._journal:
                done(len(request.asks))
                continue
            weight = request.most_input_tokens + 1000
            if chunk and (len(chunk) == self._requests_per_job or size + weight > BYTES_PER_JOB):
                yield chunk
                chunk, size = [], 0
            chunk.append(request)
            size += weight
        if chunk:
            yield chunk

    async def _make_job(self, client: Any, todo: list[Request], tried: Counter[str]) -> str:
        """Makes a job (or finds the one that a run made just before it was killed) and notes it in the journal."""
        fingerprints = [request.fingerprint for request in todo]
        turn = max(tried[fingerprint] for fingerprint in fingerprints)
        display_name = f"pocketmoji-{digest_json([fingerprints, turn, self._journal.collected])[:24]}"

        async def find() -> str | None:
            async for job in await client.aio.batches.list():
                if job.display_name == display_name:
                    return str(job.name)
            return None

        async def make() -> str:
            rows = [
                {
                    "contents": [{"role": "user", "parts": [{"text": prompt_of(request, self._habits)}]}],
                    "metadata": {"key": request.fingerprint},
                    "config": generation_config(request, self._habits),
                }
                for request in todo
            ]
            job = await client.aio.batches.create(model=self._model, src=rows, config={"display_name": display_name})
            return str(job.name)

        try:
            found = await self._call(find)
        except TeacherError as error:  # so no job was made, and nothing is to be paid
            self._journal.append([spent(request, 0.0, str(error)) for request in todo])
            raise
        name = found or await self._call(make)
        self._journal.append([{"job": name, "of": fingerprints}])
        say(f"{self._name}: batch job {name} with {len(todo)} requests")
        return name

    async def _collect(self, client: Any, name: str, known: dict[str, Request], tried: Counter[str]) -> None:
        """Waits for a job and writes down what became of each of its rows."""
        wait = POLL_FIRST
        while True:
            job = await self._call(lambda: client.aio.batches.get(name=name))
            state = str(getattr(job.state, "value", job.state) or "").removeprefix("JOB_STATE_")
            if state in OVER:
                break
            await self._sleep(wait)
            wait = min(POLL_LONGEST, 1.5 * wait)
        form = self._habits.form
        rows = (job.dest.inlined_responses if job.dest else None) or []
        entries: list[dict[str, Any]] = []
        problems: Counter[str] = Counter()
        answered = set()
        for row in rows:
            request = known.get((row.metadata or {}).get("key", ""))
            if request is None or request.fingerprint in answered or request.fingerprint in self._journal:
                continue
            answered.add(request.fingerprint)
            entry, problem = self._judge(request, row)
            entries.append(entry)
            if problem:
                problems[problem] += 1
                # A refusal that teaches how to ask is no reply of no use.
                tried[request.fingerprint] += not self._learns(row, form)
        for fingerprint in self._journal.jobs.get(name, ()):
            if fingerprint in known and fingerprint not in answered and fingerprint not in self._journal:
                entries.append(spent(known[fingerprint], 0.0, f"no row in a job that {state.lower()}"))
                problems[f"no row in a job that {state.lower()}"] += 1
                tried[fingerprint] += 1
        self._journal.append([*entries, {"collected": name}])
        good = sum(entry["status"] == "ok" for entry in entries)
        self._answered = self._answered or good > 0
        say(f"{self._name}: batch job {state.lower()}: {good} of {len(known)} rows usable")
        for problem, count in problems.most_common(3):
            say(f"    {count}: {problem[:160]}")

    def _write_off(self, known: dict[str, Request], tried: Counter[str]) -> None:
        """Notes the requests that get no usable reply. If none ever got one the fault is the job's: TeacherError."""
        worn = [f for f in known if tried[f] >= MALFORMED_ATTEMPTS and f not in self._journal]
        if worn and not self._answered:
            raise TeacherError(
                f"{self._name} gave no usable reply to any of {len(known)} requests of a batch job",
                expected="JSON of the schema that was sent along",
                remedy="try --executor async, which says more, or another model with --teacher-model",
            )
        if worn:
            problem = f"no usable row in {MALFORMED_ATTEMPTS} jobs"
            self._journal.append([{"request": f, "status": "unusable", "problem": problem} for f in worn])

    def _learns(self, row: Any, form: tuple[int, bool, bool]) -> bool:
        """True if a row's error says what the model does not take, which the next job then leaves out."""
        return bool(row.error) and self._habits.learn(form, str(row.error.message or "")) is not None

    def _judge(self, request: Request, row: Any) -> tuple[dict[str, Any], str]:
        """The journal's line for a row, and what is wrong with it, if anything."""
        if row.error or not row.response:
            problem = f"{row.error.code}: {row.error.message}" if row.error else "a row without a response"
            return spent(request, 0.0, problem), problem
        answer = answer_of(row.response)
        self._budget.heard(answer.model)
        return verdict(request, answer, self._budget)

    async def _call(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """One call of the API, again and again while it is busy."""
        from google.genai import errors

        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await call()
            except errors.APIError as error:
                told = wait_told(error.details, getattr(error.response, "headers", None))
                problem = f"{error.status or ''}: {error.message or ''}"
                where = self._base_url or "the Gemini API"
                meant = failure(self._name, error.code, problem, told, error.details, where=where, key=KEY)
                if isinstance(meant, TeacherError):
                    raise meant from error
            except Exception as error:
                meant = no_connection(error)
            if attempt == ATTEMPTS:
                break
            wait = meant.told if meant.told is not None else backoff(attempt)
            await self._sleep(wait)
        raise TeacherError(
            f"{self._name} did not answer in {ATTEMPTS} attempts ({meant})",
            remedy="run the same command again later: the jobs that were made are waited for, not made again",
        )
