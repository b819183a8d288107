"""The errors that pocketmoji raises on purpose. The command line prints them without a traceback and exits 2."""

from __future__ import annotations

from pathlib import Path


class PocketmojiError(Exception):
    """Something the user can mend. The message names the value, what was expected, where, and the remedy."""

    def __init__(
        self,
        problem: str,
        *,
        expected: str | None = None,
        where: str | Path | None = None,
        remedy: str | None = None,
    ) -> None:
        self.problem, self.expected, self.where, self.remedy = problem, expected, where, remedy
        lines = [problem]
        if expected:
            lines.append(f"  expected: {expected}")
        if where:
            lines.append(f"  where:    {where}")
        if remedy:
            lines.append(f"  to do:    {remedy}")
        super().__init__("\n".join(lines))


class InputError(PocketmojiError):
    """A file or value that the user gave is wrong."""


class BaseModelError(PocketmojiError):
    """The base model is gated, unreachable, corrupt or not a Gemma 3."""


class TeacherError(PocketmojiError):
    """The teacher cannot go on: wrong key, quota gone, no usable answer."""


class PreflightError(PocketmojiError):
    """Base, template, mask and stop token do not fit together: training would be wasted."""


class MachineError(PocketmojiError):
    """This machine lacks something: a browser, a WebGPU adapter, memory, disk space."""


class GateFailed(Exception):
    """A limit was missed. The command line prints the table and exits 1."""
