"""The `async` executor: one process, many requests in flight, as many as the server bears."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.console import say
from pocketmoji.core.errors import TeacherError
from pocketmoji.datagen.clients.client import Answer, Busy, Client
from pocketmoji.datagen.executors.budget import Budget
from pocketmoji.datagen.executors.journal import Journal
from pocketmoji.datagen.executors.limits import Gate, PerMinute, backoff
from pocketmoji.datagen.requests.request import Request

# How often a request is sent while the server is busy or out of reach, and how often after a reply of no use.
ATTEMPTS = 6
MALFORMED_ATTEMPTS = 3
# Turns of the event loop until a request that was let through is on the wire (aiohttp writes it in a task of its own).
SENDING_TURNS = 3
# Requests in a row without a usable reply before the model is taken to be unfit, and money no longer spent on it.
UNUSABLE_IN_A_ROW = 5

Sleep = Callable[[float], Awaitable[None]]


class AsyncExecutor:
    """Sees to it that requests have their verdict in the journal, within the limits of the settings."""

    def __init__(
        self,
        name: str,
        open_client: Callable[[], Client],
        journal: Journal,
        budget: Budget,
        config: DatagenConfig,
        *,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._open_client, self._journal, self._budget = name, open_client, journal, budget
        self._sleep, self._clock = sleep, clock
        self._gate = Gate(config.concurrency)
        self._workers = config.concurrency
        self._requests = PerMinute(config.requests_per_minute)
        self._tokens = PerMinute(config.tokens_per_minute)
        self._unusable: list[dict[str, Any]] = []
        self._told_off = 0.0
        self._over = False

    async def run(self, requests: Iterable[Request], done: Callable[[int], None]) -> None:
        """Sends every request that the journal does not know; `done(n)` after n more seeds.

        Returns early, with the budget exhausted, when a ceiling leaves no room, and when requests of several seeds at
        once turn out to be too much for the model. TeacherError if going on makes no sense.
        """
        self._over = False
        self._in_a_row = 0
        self._answered = False
        # A client belongs to the event loop that it was opened in.
        self._client = self._open_client()
        todo = self._todo(requests, done)
        commits = _Commits(self._journal)
        writing: asyncio.Future[Any] = asyncio.ensure_future(commits.run())
        # Twice as many as may be in flight, so that those that wait to try again hold nobody up.
        workers = [asyncio.ensure_future(self._work(todo, commits, done)) for _ in range(2 * self._workers)]
        try:
            working: asyncio.Future[Any] = asyncio.gather(*workers)
            await asyncio.wait({working, writing}, return_when=asyncio.FIRST_COMPLETED)
            if writing.done():
                writing.result()
            await working
            if self._answered:
                while self._unusable:
                    commits.add(self._unusable.pop())
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            # What was received is written down whatever ended the run.
            commits.close()
            await self._client.close()
            await writing

    def _todo(self, requests: Iterable[Request], done: Callable[[int], None]) -> Iterator[Request]:
        for request in requests:
            if self._over or self._budget.exhausted:
                return
            if request.fingerprint in self._journal:
                done(len(request.asks))
            else:
                yield request

    async def _work(self, todo: Iterator[Request], commits: _Commits, done: Callable[[int], None]) -> None:
        for request in todo:
            await self._settle(request, commits, done)

    async def _settle(self, request: Request, commits: _Commits, done: Callable[[int], None]) -> None:
        """Sends one request until its verdict is in the journal, or the run ends before that."""
        failed = malformed = 0
        while True:
            answer, wait = None, 0.0
            await self._gate.enter()
            if not await self._paced(request) or not self._budget.reserve(request):
                self._gate.leave()
                return
            try:
                answer = await self._client.send(request)
            except Busy as error:
                self._gate.leave(busy=error.refused, told=error.told)
                failed += 1
                cost = self._budget.most(request) if error.billed else 0.0
                commits.add(spent(request, cost, str(error)))
                if failed >= ATTEMPTS:
                    self._over = True
                    raise TeacherError(
                        f"{self._name} did not answer in {ATTEMPTS} attempts ({error})",
                        remedy="run the same command again later, or use --teacher offline: what was received is kept",
                    ) from error
                wait = backoff(failed) if error.told is None else error.told
                self._tell(f"{str(error).splitlines()[0][:120]}; asking again in {wait:.0f} s")
            except BaseException as error:
                self._over = True  # before the next in line is let through
                self._gate.leave()
                if isinstance(error, TeacherError):  # a refusal, which costs nothing
                    commits.add(spent(request, 0.0, str(error)))
                raise
            if answer is None:
                await self._sleep(wait)
                continue
            self._gate.leave()
            try:
                # Whoever waited for the place sends first: the server works while the reply is looked through.
                for _ in range(SENDING_TURNS):
                    await asyncio.sleep(0)
            finally:
                # Whatever ends the run: what was received is written down.
                problem = self._write_down(request, answer, commits, done)
            if not problem:
                return
            malformed += 1
            if malformed == MALFORMED_ATTEMPTS:
                self._give_up(request, problem)
                return

    def _write_down(self, request: Request, answer: Answer, commits: _Commits, done: Callable[[int], None]) -> str:
        """Checks an answer and puts it into the journal; what is wrong with it, or "" if nothing is."""
        entry, problem = verdict(request, answer, self._budget)
        if problem:
            commits.add(entry)
            return problem
        self._in_a_row, self._answered = 0, True
        while self._unusable:
            commits.add(self._unusable.pop())
        commits.add(entry, lambda: done(len(request.asks)))
        return ""

    async def _paced(self, request: Request) -> bool:
        """Waits for the ceilings per minute; False if the run ended meanwhile."""
        tokens = sum(request.likely_tokens)
        for window, units in ((self._requests, 1), (self._tokens, tokens)):
            while (wait := window.wait(units, self._clock())) > 0:
                await self._sleep(wait)
        return not self._over and not self._budget.exhausted

    def _give_up(self, request: Request, problem: str) -> None:
        """Notes that a request gets no usable reply. It is written down only once another one has got one: when none
        does, the fault is the server's or the model's, and a mended one must be asked again."""
        self._in_a_row += 1
        self._unusable.append({"request": request.fingerprint, "status": "unusable", "problem": problem})
        seeds = request.asks
        whom = (
            f"line {seeds[0].seed.line}, {seeds[0].seed.text!r}" if len(seeds) == 1 else f"{len(seeds)} seeds at once"
        )
        say(f"{self._name}: no usable reply for {whom} ({problem})")
        if self._in_a_row < UNUSABLE_IN_A_ROW:
            return
        if len(seeds) > 1:
            self._over = True  # too much at once for this model, perhaps: the teacher asks for one seed at a time
            return
        self._over = True
        raise TeacherError(
            f"{self._name} gave no usable reply for {self._in_a_row} requests in a row ({problem})",
            expected="JSON of the schema that was sent along",
            remedy="try another model with --teacher-model, check --base-url, or use --teacher offline;"
            " what was received is kept",
        )

    def _tell(self, message: str) -> None:
        """At most one such line in five seconds: a busy server is busy for a hundred requests at once."""
        if self._clock() - self._told_off >= 5 or not self._told_off:
            self._told_off = self._clock()
            say(f"{self._name}: {message}")


def verdict(request: Request, answer: Answer, budget: Budget) -> tuple[dict[str, Any], str]:
    """The journal's line for an answer, and what is wrong with it, or "" if nothing is."""
    tokens = answer.tokens or request.likely_tokens
    # Without the server's word it counts as the most that it can have cost: the ceiling has to hold.
    cost = budget.cost(answer.tokens) if answer.tokens else budget.most(request)
    try:
        reply = request.check(answer.text)
    except ValueError as error:
        problem = str(error).splitlines()[0]
        if answer.cut:
            problem = f"cut off at {request.most_output_tokens} tokens; to let a model think first: --thinking-tokens"
        return spent(request, cost, problem), problem
    return {
        "request": request.fingerprint,
        "status": "ok",
        "cost": cost,
        "tokens": list(tokens),
        "reply": [[list(pair) for pair in texts] for texts in reply],
    }, ""


def spent(request: Request, cost: float, problem: str) -> dict[str, Any]:
    """The journal's line for an attempt that brought nothing."""
    return {"request": request.fingerprint, "status": "spent", "cost": cost, "problem": problem[:300]}


class _Commits:
    """Writes to the journal at once, so that a kill loses nothing, and syncs from a thread, all that has gathered
    while the last sync went on in one go, so that a slow disk holds up no request."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._unsynced: list[Callable[[], None]] = []
        self._wake = asyncio.Event()
        self._closed = False

    def add(self, entry: dict[str, Any], synced: Callable[[], None] = lambda: None) -> None:
        """Returns when the entry is written; `synced` is called when it would survive a power cut."""
        self._journal.append([entry], durable=False)
        self._unsynced.append(synced)
        self._wake.set()

    async def run(self) -> None:
        """Syncs until closed. MachineError if the disk does not take what was written."""
        while not self._closed or self._unsynced:
            await self._wake.wait()
            self._wake.clear()
            batch, self._unsynced = self._unsynced, []
            if batch:
                await asyncio.to_thread(self._journal.sync)
                for synced in batch:
                    synced()

    def close(self) -> None:
        self._closed = True
        self._wake.set()
