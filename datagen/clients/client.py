"""What an executor needs of a model: a client that sends one request, and the ways in which that can fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Protocol

from pocketmoji.core.chat.reply import LASTING, wait_told
from pocketmoji.core.errors import TeacherError
from pocketmoji.datagen.requests.request import Request

__all__ = ["Answer", "Busy", "Client", "Learnt", "TooMuch", "failure", "names_told", "no_connection", "wait_told"]

# A server that asks for a longer wait has no quota left worth waiting for.
LONGEST_WAIT = 300.0
NAMES_TOLD = 12


@dataclass(frozen=True)
class Answer:
    """The raw text of a reply, the input and output tokens that it is billed for (None: the server did not say),
    whether the limit on its tokens `cut` it off, who answered in the server's words, and whether it is nothing but
    thoughts."""

    text: str
    tokens: tuple[int, int] | None = None
    cut: bool = False
    model: str = ""
    thoughts_only: bool = False


class Busy(Exception):
    """The request may well succeed later. `told` is how many seconds the server asked to wait; `refused` is True if it
    asked for fewer requests (429, 503), and `slow` if nothing came in the time that it was given."""

    def __init__(self, problem: str, *, told: float | None = None, refused: bool = False, slow: bool = False) -> None:
        super().__init__(problem)
        self.told, self.refused, self.slow = told, refused, slow


class Learnt(Exception):
    """The server refused the form of the request, and the client now knows a better one: send it again at once. The
    message says what was learnt; "" if another request had taught it before."""


class TooMuch(Exception):
    """The request is too long for the server, which did not work on it: ask for less at once."""


class Client(Protocol):
    """One model on one server."""

    name: str

    async def send(self, request: Request) -> Answer:
        """Raises Busy if it is worth trying again, Learnt or TooMuch if in another form, TeacherError if it is not."""
        ...

    async def close(self) -> None: ...


def failure(
    name: str, code: int, problem: str, told: float | None, body: Any, *, where: str, key: str
) -> Busy | TeacherError:
    """What an HTTP error status means. `key` names the variable that holds the key, `body` has the error's details."""
    problem = f"{code} {problem}".strip()[:500]
    lasting = LASTING.search(f"{problem} {body}") or (told or 0) > LONGEST_WAIT
    if (code == 429 and lasting) or code == 402:
        return TeacherError(
            f"the quota of {name} is used up ({problem})",
            where=where,
            remedy="run the same command again when it is renewed: what was received is kept",
        )
    if code in (408, 409, 425, 429) or code >= 500:
        return Busy(problem, told=told, refused=code in (429, 503), slow=code in (408, 504, 524))
    if code in (401, 403) or "API key" in problem or "API_KEY" in str(body):
        return TeacherError(
            f"the key for {name} was refused ({problem})",
            expected="a key that may use this model",
            where=where,
            remedy=f"check {key}, or use --teacher offline",
        )
    remedy = (
        "check the name given with --teacher-model"
        if code == 404
        else "mend what the server complains of, or try another model with --teacher-model"
    )
    return TeacherError(f"{name} refused the request ({problem})", where=where, remedy=remedy)


def names_told(wanted: str, names: Sequence[str]) -> str:
    """The names of models that are to be had, in a line, those like the wanted one first."""
    close = get_close_matches(wanted, names, n=NAMES_TOLD, cutoff=0.5)
    ordered = [*close, *(name for name in names if name not in close)]
    more = f" and {len(ordered) - NAMES_TOLD} more" if len(ordered) > NAMES_TOLD else ""
    return ", ".join(ordered[:NAMES_TOLD]) + more


def no_connection(error: Exception, timeout: float | None = None) -> Busy:
    """What a failure between us and the server means; `timeout` is what it was given. Any other error is raised again.

    The clients may sit on any of these HTTP libraries, which name alike what fails before anything was sent."""
    libraries = ("httpx", "httpx2", "httpcore", "httpcore2", "aiohttp", "anyio", "h11")
    if not isinstance(error, OSError) and type(error).__module__.split(".")[0] not in libraries:
        raise error
    kinds = {kind.__name__ for kind in type(error).__mro__}
    unsent = {"ConnectError", "ConnectTimeout", "ClientConnectorError", "ConnectionTimeoutError"} & kinds
    if not unsent and kinds & {"TimeoutError", "TimeoutException", "ReadTimeout"}:
        given = f"in {timeout:g} s (--timeout)" if timeout else "in time"
        return Busy(f"no answer {given}", slow=True)
    if not unsent:
        return Busy(f"the connection was cut: {error or type(error).__name__}")
    return Busy(f"no connection: {error or type(error).__name__}")
