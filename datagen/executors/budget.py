"""What requests cost, and the ceilings that are never passed: a request reserves the most it can cost beforehand."""

from __future__ import annotations

from datetime import date

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.console import say
from pocketmoji.core.errors import InputError, TeacherError
from pocketmoji.datagen.executors.journal import Journal
from pocketmoji.datagen.executors.prices import row_of
from pocketmoji.datagen.requests.request import Request

MILLION = 1_000_000


def price_of(teacher: str, config: DatagenConfig) -> tuple[float, float] | None:
    """Dollars per million input and output tokens of "<teacher>:<model>"; None if nobody said."""
    kind, _, model = teacher.partition(":")
    if kind in ("offline", "transformers"):
        return 0.0, 0.0
    if config.price:
        try:
            sent, received = map(float, config.price.split(","))
        except ValueError as error:
            raise InputError(
                f"--price is {config.price!r}",
                expected="dollars per million input and output tokens: IN,OUT, for instance 0.3,2.5",
                where="settings of datagen",
            ) from error
        return sent, received
    row = row_of(model)
    return row.on(date.today()) if row else None


class Budget:
    """Counts requests and dollars against the settings' ceilings, across interruptions (the journal remembers)."""

    def __init__(self, teacher: str, config: DatagenConfig, journal: Journal) -> None:
        known = price_of(teacher, config)
        if known is None and config.max_cost is not None:
            raise InputError(
                f"--max-cost is {config.max_cost:g}, but no price of {teacher} is known",
                expected="a model of the price table, or --price",
                where="settings of datagen",
                remedy="say it with --price IN,OUT (dollars per million tokens; 0,0 for a model of your own)",
            )
        # Jobs of the batch API are half the price.
        self._factor = 0.5 if config.executor == "gemini-batch" else 1.0
        sent, received = known or (0.0, 0.0)
        self._price = (sent * self._factor, received * self._factor)
        self.priced = known is not None
        self._teacher, self._said = teacher, bool(config.price)
        self._heard = ""
        self._journal = journal
        self._max_cost, self._max_requests = config.max_cost, config.max_requests
        self.exhausted = ""

    def cost(self, tokens: tuple[int, int]) -> float:
        """Dollars for input and output tokens."""
        return (tokens[0] * self._price[0] + tokens[1] * self._price[1]) / MILLION

    def most(self, request: Request) -> float:
        return self.cost((request.most_input_tokens, request.most_output_tokens))

    def reserve(self, request: Request) -> bool:
        """True if the request may go out, with the most it can cost set aside; False, with `exhausted` set, if not."""
        journal, most = self._journal, self.most(request)
        if self._max_requests is not None and journal.requests >= self._max_requests:
            self.exhausted = f"the ceiling of {self._max_requests} requests (--max-requests) is reached"
        elif self._max_cost is not None and journal.spent + most > self._max_cost:
            self.exhausted = f"the ceiling of ${self._max_cost:g} (--max-cost) leaves no room for another request"
        else:
            # Written, not synced: it must survive a kill; a power cut costs at most the count of what was in flight.
            journal.append([{"sent": request.fingerprint, "reserved": most}], durable=False)
            return True
        return False

    def heard(self, model: str) -> None:
        """Takes the price of the model that answered, where the service passed the request on to another: a lasting
        name, or a model that is no more. TeacherError if there is a ceiling, and that price is not known."""
        model = model.removeprefix("models/")
        named = self._teacher.partition(":")[2].removeprefix("models/")
        if self._said or not self.priced or model == self._heard or not model or row_of(named) is None:
            return
        self._heard = model
        row, expected = row_of(model), row_of(named)
        answering = (expected.stands_for if expected else "") or named
        if model == answering or row is row_of(answering):
            return
        if row is not None:
            sent, received = row.on(date.today())
            self._price = (sent * self._factor, received * self._factor)
            say(f"{self._teacher}: {model} answers, at ${sent:g} and ${received:g} per million tokens in and out")
        elif self._max_cost is not None:
            raise TeacherError(
                f"{self._teacher}: {model} answers, and its price is not known",
                expected=f"a price, to keep to the ceiling of ${self._max_cost:g} (--max-cost)",
                remedy="say it with --price IN,OUT (dollars per million tokens)",
            )
        else:
            say(f"{self._teacher}: {model} answers, whose price is not known: costs are told at that of {answering}")

    def running(self) -> str:
        """The figure for the progress bar."""
        money = f"${self._journal.spent:.4f}" if self.priced else "price unknown"
        return f"{self._journal.requests} requests, {money}"
