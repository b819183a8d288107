"""The `async` executor: one process, many requests in flight, as many as the server bears.

Longer than a page: limits, retries, splitting and giving up decide about the same request, in an order that is
easier to follow in one place.
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.console import say
from pocketmoji.core.errors import TeacherError
from pocketmoji.datagen.clients.client import Answer, Busy, Client, Learnt, TooMuch
from pocketmoji.datagen.executors.budget import Budget
from pocketmoji.datagen.executors.journal import Journal
from pocketmoji.datagen.executors.limits import Gate, PerMinute, backoff
from pocketmoji.datagen.requests.request import Request

# How often a request is sent while the server is busy or out of reach and answers nobody else, and how often at most.
ATTEMPTS, MOST_ATTEMPTS = 6, 30
# How often after a reply of no use; and as long as none was of use, which is most likely to go on.
MALFORMED_ATTEMPTS, FIRST_MALFORMED_ATTEMPTS = 3, 2
# How often a lone seed is asked of a server that does not answer in time.
SLOW_ATTEMPTS = 2
# How often a server may refuse the form of one request: it has fewer things to refuse.
MOST_LEARNT = 24
# Turns of the event loop until a request that was let through is on the wire (aiohttp writes it in a task of its own).
SENDING_TURNS = 3
# Requests in a row without a usable reply before the model is taken to be unfit, and money no longer spent on it; as
# many replies for a lone seed, if none was ever of use.
UNUSABLE_IN_A_ROW = 5
# Several seeds at once got no usable reply so often, and nothing else did: one at a time.
UNUSABLE_AT_ONCE = 2

SHOWN = 300

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
        self._timeout = config.timeout
        self._gate = Gate(config.concurrency, patience=config.timeout, unproven=True)
        self._workers = config.concurrency
        self._requests = PerMinute(config.requests_per_minute)
        self._tokens = PerMinute(config.tokens_per_minute)
        self._unusable: list[dict[str, Any]] = []
        self._told_off = 0.0
        self._told: set[str] = set()
        self._over = False
        self._answers = 0
        """Usable replies so far."""
        self._too_much = math.inf
        """Requests with as many tokens or more are too much for the server."""
        self._most_seeds = sys.maxsize
        self._useless_at_once = self._useless_alone = 0
        self.trouble = ""
        """What was wrong with the replies, as long as none was of use."""

    async def run(self, requests: Iterable[Request], done: Callable[[int], None]) -> None:
        """Sends every request that the journal does not know; `done(n)` after n more seeds.

        Returns early, with the budget exhausted, when a ceiling leaves no room. What turns out to be too much at once
        is noted as that in the journal, and its halves are to be asked. TeacherError if going on makes no sense.
        """
        self._over = False
        self._in_a_row = 0
        # A client belongs to the event loop that it was opened in.
        self._client = self._open_client()
        todo = self._todo(requests, done)
        commits = _Commits(self._journal)
        writing: asyncio.Future[Any] = asyncio.ensure_future(commits.run())
        # Twice as many as may be in flight, so that those that wait to try again hold nobody up.
        first = asyncio.Lock()
        workers = [asyncio.ensure_future(self._work(todo, first, commits, done)) for _ in range(2 * self._workers)]
        try:
            working: asyncio.Future[Any] = asyncio.gather(*workers)
            await asyncio.wait({working, writing}, return_when=asyncio.FIRST_COMPLETED)
            if writing.done():
                writing.result()
            await working
            if self._answers:
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
            if request.fingerprint not in self._journal:
                yield request
            elif self._journal.has_reply(request.fingerprint) or len(request.asks) == 1:
                done(len(request.asks))

    async def _work(
        self, todo: Iterator[Request], first: asyncio.Lock, commits: _Commits, done: Callable[[int], None]
    ) -> None:
        for request in todo:
            if not self._answers:
                # One at a time until a reply is of use: what a server does not take is learnt from one refusal.
                async with first:
                    if not self._answers:
                        await self._settle(request, commits, done)
                        continue
            await self._settle(request, commits, done)

    async def _settle(self, request: Request, commits: _Commits, done: Callable[[int], None]) -> None:
        """Sends one request until its verdict is in the journal, or the run ends before that."""
        failed = in_a_row = late = malformed = learnt = heard = 0
        while True:
            turn = await self._gate.enter()
            if self._is_too_much(request):
                self._gate.leave(turn)
                self._split(request, f"as much at once is too much for {self._name}", commits)
                return
            if not await self._paced(request) or not self._budget.reserve(request):
                self._gate.leave(turn)
                return
            alone, started = self._gate.limit < 2, self._clock()
            try:
                answer = await self._client.send(request)
            except Learnt as error:
                self._gate.leave(turn)
                self._note(request, str(error), commits)
                learnt += 1
                if learnt > MOST_LEARNT:
                    self._over = True
                    raise TeacherError(f"{self._name} refuses every form of the request ({error})") from error
                continue
            except TooMuch as error:
                self._gate.leave(turn)
                self._note(request, str(error), commits)
                self._too_much = min(self._too_much, sum(request.likely_tokens))
                self._split(request, str(error), commits)
                return
            except Busy as error:
                self._gate.leave(turn, busy=error.refused, slow=error.slow, told=error.told)
                # What was never answered is not paid for.
                commits.add(spent(request, 0.0, str(error)))
                if error.slow:
                    self._tell(f"{error}; at most {int(self._gate.limit)} at once from now on")
                    late += alone
                    if alone and len(request.asks) > 1:
                        self._too_much = min(self._too_much, sum(request.likely_tokens) / 2)
                        self._split(request, str(error), commits)
                        return
                    if late >= SLOW_ATTEMPTS:
                        raise self._too_slow(error) from error
                    continue
                failed += 1
                # While others are answered it is not the server.
                in_a_row, heard = (in_a_row + 1 if heard == self._answers else 1), self._answers
                if in_a_row >= ATTEMPTS or failed >= MOST_ATTEMPTS:
                    self._over = True
                    raise self._unanswered(error, failed) from error
                wait = backoff(in_a_row, self._answers > 0) if error.told is None else error.told
                self._tell(f"{str(error).splitlines()[0][:160]}; asking again in {wait:.0f} s")
                await self._sleep(wait)
                continue
            except BaseException as error:
                self._over = True  # before the next in line is let through
                self._gate.leave(turn)
                if isinstance(error, TeacherError):  # a refusal, which costs nothing
                    commits.add(spent(request, 0.0, str(error)))
                raise
            seconds = self._clock() - started
            self._gate.leave(turn, seconds=seconds)
            try:
                # Whoever waited for the place sends first: the server works while the reply is looked through.
                for _ in range(SENDING_TURNS):
                    await asyncio.sleep(0)
            finally:
                # Whatever ends the run: what was received is written down.
                problem = self._write_down(request, answer, commits, done)
            if not problem:
                self._gate.prove(seconds)
                return
            malformed += 1
            if self._is_given_up(request, answer, problem, malformed, commits):
                return

    def _write_down(self, request: Request, answer: Answer, commits: _Commits, done: Callable[[int], None]) -> str:
        """Checks an answer and puts it into the journal; what is wrong with it, or "" if nothing is."""
        unpriced: TeacherError | None = None
        try:
            self._budget.heard(answer.model)
        except TeacherError as error:
            self._over, unpriced = True, error
        entry, problem = verdict(request, answer, self._budget)
        if problem:
            commits.add(entry)
            if unpriced:
                raise unpriced
            return problem
        self._in_a_row, self.trouble = 0, ""
        self._answers += 1
        while self._unusable:
            commits.add(self._unusable.pop())
        commits.add(entry, lambda: done(len(request.asks)))
        if unpriced:
            raise unpriced
        return ""

    def _note(self, request: Request, message: str, commits: _Commits) -> None:
        """An attempt that cost nothing, and what it taught, if that is new."""
        commits.add(spent(request, 0.0, message or "refused, as another before it"))
        if message and message not in self._told:
            self._told.add(message)
            say(f"{self._name}: {message}")

    def _is_too_much(self, request: Request) -> bool:
        if len(request.asks) > self._most_seeds or not getattr(self._client, "fits", lambda _: True)(request):
            return True
        return sum(request.likely_tokens) >= self._too_much and bool(request.halves())

    def _split(self, request: Request, why: str, commits: _Commits) -> None:
        """Notes that the halves of a request are to be asked instead of it. TeacherError if it has none."""
        if not request.halves():
            self._over = True
            seed = request.asks[0].seed
            raise TeacherError(
                f"even one paraphrase is too much for {self._name} ({why})",
                where=f"line {seed.line}, {seed.text[:80]!r}",
                remedy="start the server with a longer context (llama.cpp: -c 8192, vLLM: --max-model-len, Ollama:"
                " num_ctx), or name another model with --teacher-model",
            )
        commits.add({"request": request.fingerprint, "status": "split", "problem": why[:300]})

    def _unanswered(self, error: Busy, failed: int) -> TeacherError:
        remedy = "run the same command again later, or use --teacher offline: what was received is kept"
        if str(error).startswith("the connection was cut") and not self._answers:
            remedy = "see what the server writes into its log, check --base-url, or use --teacher offline"
        if str(error).startswith("no connection") and not self._answers:
            remedy = "start the server, check --base-url, or use --teacher offline"
        return TeacherError(f"{self._name} did not answer in {failed} attempts ({error})", remedy=remedy)

    def _too_slow(self, error: Busy) -> TeacherError:
        self._over = True
        return TeacherError(
            f"{self._name} did not answer a request for a single seed: {error}",
            expected=f"an answer within {self._timeout:g} s of being asked, with nothing else to do",
            remedy="see that the server works; give it longer with --timeout, or less to write with --paraphrases; what"
            " was received is kept",
        )

    async def _paced(self, request: Request) -> bool:
        """Waits for the ceilings per minute; False if the run ended meanwhile."""
        tokens = sum(request.likely_tokens)
        for window, units in ((self._requests, 1), (self._tokens, tokens)):
            while (wait := window.wait(units, self._clock())) > 0:
                await self._sleep(wait)
        return not self._over and not self._budget.exhausted

    def _is_given_up(self, request: Request, answer: Answer, problem: str, malformed: int, commits: _Commits) -> bool:
        """Whether a request that got so many replies of no use is not sent again. TeacherError if nothing is to be.

        What is not usable is written down only once another request has got a usable reply: when none does, the fault
        is the server's or the model's, and a mended one must be asked again."""
        several, proven = len(request.asks) > 1, self._answers > 0
        self.trouble = self.trouble if proven else f"{problem}; the reply was {_shown(answer.text)}"
        if several and answer.cut and not answer.thoughts_only:
            self._too_much = min(self._too_much, sum(request.likely_tokens))
            self._split(request, problem, commits)
            return True
        if not several and not proven:
            self._useless_alone += 1
            if self._useless_alone >= UNUSABLE_IN_A_ROW:
                raise self._unfit(problem, answer, f"{self._useless_alone} replies")
        if malformed < (FIRST_MALFORMED_ATTEMPTS if several and not proven else MALFORMED_ATTEMPTS):
            return False
        seeds = request.asks
        whom = f"{len(seeds)} seeds at once" if several else f"line {seeds[0].seed.line}, {seeds[0].seed.text!r}"
        say(f"{self._name}: no usable reply for {whom} ({problem})")
        self._in_a_row += 1
        if several:
            self._split(request, problem, commits)
            self._useless_at_once += not proven
            if self._useless_at_once >= UNUSABLE_AT_ONCE or self._in_a_row >= UNUSABLE_IN_A_ROW:
                self._most_seeds, self._in_a_row = 1, 0
            return True
        self._unusable.append({"request": request.fingerprint, "status": "unusable", "problem": problem})
        if self._in_a_row >= UNUSABLE_IN_A_ROW:
            raise self._unfit(problem, answer, f"{self._in_a_row} requests in a row")
        return True

    def _unfit(self, problem: str, answer: Answer, times: str) -> TeacherError:
        self._over = True
        room = "leave room for its thoughts with --thinking-tokens 4000, " if lacks_room_to_think(answer) else ""
        return TeacherError(
            f"{self._name} gave nothing of use in {times} ({problem})",
            expected="JSON of the form that the instructions say",
            where=f"its last reply: {_shown(answer.text)}",
            remedy=f"{room}try another model with --teacher-model, check --base-url, or use --teacher offline; what was"
            " received is kept",
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
        problem = "thoughts without an answer" if answer.thoughts_only else str(error).splitlines()[0]
        if answer.cut:
            problem = f"cut off at {request.most_output_tokens} tokens"
            think = "; to let a model think first: --thinking-tokens"
            problem += think if lacks_room_to_think(answer) else " within its JSON: it goes on and on"
        return spent(request, cost, problem), problem
    return {
        "request": request.fingerprint,
        "status": "ok",
        "cost": cost,
        "tokens": list(tokens),
        "reply": [[list(pair) for pair in texts] for texts in reply],
    }, ""


def lacks_room_to_think(answer: Answer) -> bool:
    """Whether an answer had no end for thinking too long: one that began with its JSON did not think."""
    return answer.thoughts_only or (answer.cut and not answer.text.lstrip().startswith(("{", "[", "```")))


def _shown(text: str) -> str:
    """A reply as a person reads it, in a line."""
    line = " ".join(text.split())
    return repr(line if len(line) <= SHOWN else f"{line[:SHOWN]}...")


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
