"""The words of the browser test: a check, what became of it, and what it measured."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pocketmoji.core.records import Record

Status = Literal["passed", "failed", "not verifiable here"]


class Finding(Record):
    """One check. `reason` and `needs` (the machine or the file that it takes) are there unless it passed."""

    check: str
    status: Status
    reason: str | None = None
    needs: str | None = None
    measured: dict[str, float] = Field(default_factory=dict)


def judged(check: str, problems: list[str], **measured: float) -> Finding:
    """Passed if there are no problems, else failed with all of them in words."""
    return Finding(
        check=check, status="failed" if problems else "passed", reason="; ".join(problems) or None, measured=measured
    )


def unverifiable(check: str, reason: str, needs: str) -> Finding:
    return Finding(check=check, status="not verifiable here", reason=reason, needs=needs)
