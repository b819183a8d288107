"""What an executor needs of a model: a client that sends one request, and the ways in which that can fail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol

from pocketmoji.core.errors import TeacherError
from pocketmoji.datagen.requests.request import Request

# A server that asks for a longer wait has no quota left worth waiting for.
LONGEST_WAIT = 300.0


@dataclass(frozen=True)
class Answer:
    """The raw text of a reply, the input and output tokens that it is billed for (None: the server did not say), and
    whether the limit on its tokens `cut` it off."""

    text: str
    tokens: tuple[int, int] | None = None
    cut: bool = False


class Busy(Exception):
    """The request may well succeed later. `told` is how many seconds the server asked to wait; `refused` is True if it
    asked for fewer requests (429, 503), and `billed` if the request may have been worked on before it failed."""

    def __init__(self, problem: str, *, told: float | None = None, refused: bool = False, billed: bool = False) -> None:
        super().__init__(problem)
        self.told, self.refused, self.billed = told, refused, billed


class Client(Protocol):
    """One model on one server."""

    name: str

    async def send(self, request: Request) -> Answer:
        """Raises Busy if it is worth trying again, TeacherError if it is not."""
        ...

    async def close(self) -> None: ...


def failure(
    name: str, code: int, problem: str, told: float | None, body: Any, *, where: str, key: str
) -> Busy | TeacherError:
    """What an HTTP error status means. `key` names the variable that holds the key, `body` has the error's details."""
    problem = f"{code} {problem}".strip()[:400]
    lasting = "PerDay" in str(body) or "insufficient_quota" in str(body) or (told or 0) > LONGEST_WAIT
    if code == 429 and lasting:
        return TeacherError(
            f"the quota of {name} is used up ({problem})",
            where=where,
            remedy="run the same command again when it is renewed: what was received is kept",
        )
    if code in (408, 409, 425, 429) or code >= 500:
        return Busy(problem, told=told, refused=code in (429, 503), billed=code in (408, 504))
    if code in (401, 403) or "API key" in problem or "API_KEY" in str(body):
        return TeacherError(
            f"the key for {name} was refused ({problem})",
            expected="a key that may use this model",
            where=where,
            remedy=f"check {key}, or use --teacher offline",
        )
    remedy = "check the name given with --teacher-model" if code == 404 else "try another model with --teacher-model"
    return TeacherError(f"{name} refused the request ({problem})", where=where, remedy=remedy)


def wait_told(body: Any, headers: Any) -> float | None:
    """Seconds that a reply asks to wait: Google's RetryInfo in its details, else Retry-After (seconds or a date)."""
    error = body.get("error", body) if isinstance(body, dict) else {}
    details = error.get("details") if isinstance(error, dict) else None
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, dict) and str(detail.get("@type", "")).endswith("RetryInfo"):
            match = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(detail.get("retryDelay", "")))
            if match:
                return float(match[1])
    after = str((headers or {}).get("Retry-After", "") or "").strip()
    if re.fullmatch(r"\d+(?:\.\d+)?", after):
        return float(after)
    if after:
        from datetime import UTC, datetime
        from email.utils import parsedate_to_datetime

        try:
            return max(0.0, (parsedate_to_datetime(after) - datetime.now(UTC)).total_seconds())
        except (ValueError, TypeError):
            return None
    return None


def no_connection(error: Exception) -> Busy:
    """What a failure between us and the server means. Any other error is raised again.

    The clients may sit on any of these HTTP libraries, which name alike what fails before anything was sent."""
    libraries = ("httpx", "httpx2", "httpcore", "httpcore2", "aiohttp", "anyio", "h11")
    if not isinstance(error, OSError) and type(error).__module__.split(".")[0] not in libraries:
        raise error
    unsent = {"ConnectError", "ConnectTimeout", "ClientConnectorError", "ConnectionTimeoutError"}
    billed = unsent.isdisjoint(kind.__name__ for kind in type(error).__mro__)
    return Busy(f"no connection: {error or type(error).__name__}", billed=billed)
