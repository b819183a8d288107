"""How fast requests may go out: a concurrency that adapts to the server, and ceilings per minute."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import deque

START = 8
DECREASE = 0.5
# A server may well refuse a request now and then at random. Only when a tenth of the latest answers are refusals are
# there too many requests in flight; a lone one delays nothing but itself.
BUSY_SHARE = 0.1
SHORTEST_LOOK = 10
MINUTE = 60.0
# Never 0, which would say that the units fit.
SHORTEST_WAIT = 0.001
FIRST_BACKOFF, LONGEST_BACKOFF = 0.25, 60.0
# Of a server that never answered: it is more likely to be wrong than busy.
LONGEST_UNHEARD = 8.0


def backoff(failed: int, heard: bool = True) -> float:
    """Seconds to wait after so many failures in a row, drawn at random (full jitter). Most failures are over at once,
    so the first wait is short; each may be four times as long as the one before; not so long if the
    server was never `heard` of."""
    longest = LONGEST_BACKOFF if heard else LONGEST_UNHEARD
    return random.uniform(0, min(longest, FIRST_BACKOFF * 4.0 ** (failed - 1)))


class Gate:
    """Additive increase, multiplicative decrease: lets at most `limit` requests be in flight.

    The limit doubles with every full turn until the server first objects, grows by one a turn after that, and halves,
    at most once a turn, when a tenth of the answers of that turn were refusals (429, 503). When one was not answered
    within `patience` seconds it halves for good, and it does not grow where answers that take longer the more are in
    flight (a server with one slot) would come near to that.

    An `unproven` gate lets one request through at a time until `prove` says that a reply was of use.
    """

    def __init__(self, most: int, *, patience: float = math.inf, unproven: bool = False) -> None:
        self.most = most
        self.limit = 1.0 if unproven else float(min(most, START))
        self.in_flight = 0
        self._patience, self._unproven = patience, unproven
        self._fastest = math.inf
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._recent: deque[bool] = deque()
        self._objected = False
        self._turn = 0
        self.resume_at = 0.0

    async def enter(self) -> int:
        """Returns when a request may go out, with the number of the turn, which `leave` wants back."""
        while (pause := self.resume_at - time.monotonic()) > 0:
            await asyncio.sleep(pause)
        while self.in_flight >= int(self.limit):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self.in_flight += 1
        return self._turn

    def prove(self, seconds: float) -> None:
        """A reply was of use, after so many seconds."""
        if self._unproven:
            self._unproven = False
            self.limit = max(1.0, min(self.most, START, self._patience / 2 // max(seconds, 1e-3)))
            self._release()

    def leave(
        self,
        turn: int = 0,
        *,
        busy: bool = False,
        slow: bool = False,
        told: float | None = None,
        seconds: float | None = None,
    ) -> None:
        """A request came back, after `seconds` if it was answered; `busy` if the server had too much to do, `told` the
        seconds it asked to wait, `slow` if it was not answered in time."""
        self.in_flight -= 1
        self._recent.append(busy)
        latest = max(SHORTEST_LOOK, int(self.limit))
        while len(self._recent) > latest:
            self._recent.popleft()
        if slow:
            if turn == self._turn:  # not once more for those that were sent before the last time
                self._turn += 1
                self.limit = max(1.0, self.limit * DECREASE)
                self.most = int(self.limit)
        elif busy and len(self._recent) >= SHORTEST_LOOK and sum(self._recent) > BUSY_SHARE * len(self._recent) + 1:
            self._objected = True
            self.limit = max(1.0, self.limit * DECREASE)
            self._recent.clear()
            if told:
                self.resume_at = max(self.resume_at, time.monotonic() + told)
        elif not busy and not self._unproven and self._may_grow(seconds):
            self.limit = min(float(self.most), self.limit + (1 / self.limit if self._objected else 1.0))
        self._release()

    def _may_grow(self, seconds: float | None) -> bool:
        if seconds is None:
            return True
        self._fastest = min(self._fastest, seconds)
        with_one_more = seconds * (self.limit + 1) / self.limit
        return with_one_more < self._patience / 2 or seconds < 1.5 * self._fastest

    def _release(self) -> None:
        free = int(self.limit) - self.in_flight
        while free > 0 and self._waiting:
            turn_of = self._waiting.popleft()
            if not turn_of.done():
                turn_of.set_result(None)
                free -= 1


class PerMinute:
    """At most `most` units in any sixty seconds; 0 means no limit. A unit is a request or a token."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._used: deque[tuple[float, int]] = deque()
        self._sum = 0

    def wait(self, units: int, now: float) -> float:
        """Seconds until `units` more fit; 0 means that they do, and have been counted."""
        if not self._most:
            return 0.0
        units = min(units, self._most)
        while self._used and self._used[0][0] <= now - MINUTE:
            self._sum -= self._used.popleft()[1]
        if self._sum + units <= self._most:
            self._used.append((now, units))
            self._sum += units
            return 0.0
        left = self._sum + units - self._most
        for then, size in self._used:
            left -= size
            if left <= 0:
                return max(then + MINUTE - now, SHORTEST_WAIT)
        return MINUTE
