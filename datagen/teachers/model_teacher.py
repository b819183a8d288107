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

    def running(self) -> str:
        return self._budget.running()

    def paraphrase(self, asks: Sequence[Ask], done: Callable[[int], None]) -> Iterator[list[Candidate]]:
        requests = plan(self.name, asks, self._config)
        # A request is put together once: what reading its reply needs of it is kept.
        planned: list[Request] = []

        def noted() -> Iterator[Request]:
            for request in requests:
                planned.append(request.without_prompt())
                yield request

        run_async(self._executor.run(noted(), done))
        planned.extend(request.without_prompt() for request in requests)  # those that a ceiling left unasked
        # What several seeds at once did not get, each of them may get alone.
        unanswered = [one for one in planned if len(one.asks) > 1 and not self._journal.has_reply(one.fingerprint)]
        if unanswered and not self.exhausted:
            run_async(self._executor.run((one for request in unanswered for one in request.single()), done))
        for request in planned:
            if found := self._read(request):
                yield from found
            else:
                for one in request.single():
                    yield (self._read(one) or [[]])[0]

    def _read(self, request: Request) -> list[list[Candidate]] | None:
        entry = self._journal.entry(request.fingerprint)
        if entry is None:
            return None
        self.tokens[0] += int(entry["tokens"][0])
        self.tokens[1] += int(entry["tokens"][1])
        return request.candidates(entry["reply"])
