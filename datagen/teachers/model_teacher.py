"""A teacher that is a model: it plans requests, has an executor fill the journal, and reads the replies from there."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from typing import Any, Protocol

from pocketmoji.core.config import DatagenConfig
from pocketmoji.datagen.executors.budget import Budget
from pocketmoji.datagen.executors.journal import Journal
from pocketmoji.datagen.requests.axes import parse_axes
from pocketmoji.datagen.requests.request import OWN_LANGUAGE, Request
from pocketmoji.datagen.requests.teacher import Ask, Candidate, run_async


class Executor(Protocol):
    """Sends requests. All it leaves behind is in the journal, so any executor finishes what another began."""

    def run(self, requests: Iterable[Request], done: Callable[[int], None]) -> Coroutine[Any, Any, None]:
        """Gives every request its verdict in the journal, or stops early with the budget exhausted."""
        ...


def plan(teacher: str, asks: Sequence[Ask], config: DatagenConfig) -> Iterator[Request]:
    """The requests for these asks, several seeds in each."""
    axes = parse_axes(config.axes)
    language = OWN_LANGUAGE if config.language == "auto" else config.language
    for start in range(0, len(asks), config.seeds_per_request):
        some = tuple(asks[start : start + config.seeds_per_request])
        yield Request(teacher, some, axes, language, thinking_tokens=config.thinking_tokens)


def pieces(request: Request, journal: Journal) -> tuple[Request, ...]:
    """What is asked instead of a request that got no reply; a lone seed is cut up only where it was too much."""
    print_of_it = request.fingerprint
    if print_of_it not in journal or journal.has_reply(print_of_it):
        return ()
    return request.halves() if len(request.asks) > 1 or print_of_it in journal.split else ()


def settle(
    executor: Executor, journal: Journal, requests: Iterable[Request], done: Callable[[int], None]
) -> list[Request]:
    """Has the executor send the requests, then the halves of those that were too much, and so on; the requests, without
    what takes most of their memory."""
    waiting = iter(requests)
    # A request is put together once: what reading its reply needs of it is kept.
    planned: list[Request] = []

    def noted() -> Iterator[Request]:
        for request in waiting:
            planned.append(request.without_prompt())
            yield request

    run_async(executor.run(noted(), done))
    planned.extend(request.without_prompt() for request in waiting)  # those that a ceiling left unasked
    rest = planned
    while rest := [part for request in rest for part in pieces(request, journal)]:
        run_async(executor.run(iter(rest), done))
    return planned


class ModelTeacher:
    """Paraphrases by a model. `exhausted` says which ceiling ended it, if one did."""

    def __init__(self, name: str, executor: Executor, journal: Journal, budget: Budget, config: DatagenConfig) -> None:
        self.name = name
        self._executor, self._journal, self._budget, self._config = executor, journal, budget, config
        self.tokens = [0, 0]
        """Input and output tokens of the replies that were used."""

    @property
    def exhausted(self) -> str:
        return self._budget.exhausted

    @property
    def trouble(self) -> str:
        """What was wrong with its replies, if none was of use."""
        return str(getattr(self._executor, "trouble", ""))

    def running(self) -> str:
        return self._budget.running()

    def paraphrase(self, asks: Sequence[Ask], done: Callable[[int], None]) -> Iterator[list[Candidate]]:
        requests = plan(self.name, asks, self._config)
        for request in settle(self._executor, self._journal, requests, done):
            yield from self._read(request)

    def _read(self, request: Request) -> list[list[Candidate]]:
        """The candidates for each seed, from the replies to the request or to its pieces."""
        entry = self._journal.entry(request.fingerprint)
        if entry is not None:
            self.tokens[0] += int(entry["tokens"][0])
            self.tokens[1] += int(entry["tokens"][1])
            return request.candidates(entry["reply"])
        parts = [self._read(part) for part in pieces(request, self._journal)]
        if not parts:
            return [[] for _ in request.asks]
        return [seed for part in parts for seed in part] if len(request.asks) > 1 else [parts[0][0] + parts[1][0]]
