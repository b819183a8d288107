"""The journal of requests and replies: append-only JSONL, on the disk before it counts, so nothing is paid for twice.

All executors write it and read it; it is what makes a run that was begun with one be finished with another. Lines are

    {"sent": fingerprint, "reserved": dollars}                       before a request goes out
    {"request": fingerprint, "status": ..., "cost": dollars, ...}    what became of it

    {"job": name, "of": fingerprints}, {"collected": name}           a batch job that was made, and read

with status "ok" (then `reply`, `tokens`), "unusable" (a reply that broke the schema, each time), "split" (too much at
once: its halves are asked instead), or "spent" (an attempt that failed or was malformed and will be made again). A line
that a crash cut short is passed over.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable
from io import FileIO
from pathlib import Path
from typing import Any

from pocketmoji.core.errors import MachineError


class Journal:
    """Verdicts by the fingerprint of their request. Replies stay on the disk: in memory is only where they stand."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._where: dict[str, tuple[int, int]] = {}
        self._unusable: set[str] = set()
        self.split: set[str] = set()
        """Requests that were too much at once."""
        self._open: defaultdict[str, list[float]] = defaultdict(list)
        self.settled = 0.0
        """Dollars for requests whose outcome is known."""
        self.requests = 0
        """Requests that ever went out, those that failed and those of interrupted runs included."""
        self.jobs: dict[str, list[str]] = {}
        """Batch jobs that were made and not yet read: the fingerprints of their requests by the name of the job."""
        self.collected = 0
        self.statuses: Counter[str] = Counter()
        self._end = 0
        self._file: FileIO | None = None
        self._lock = threading.Lock()
        if path.is_file():
            self._load()

    @property
    def spent(self) -> float:
        """Dollars, counting what went out and never came back (a killed run) at the most it can have cost."""
        return self.settled + sum(map(sum, self._open.values()))

    def __contains__(self, fingerprint: str) -> bool:
        """True if the request needs no sending: it has a reply, or is known not to get a usable one."""
        return fingerprint in self._where or fingerprint in self._unusable or fingerprint in self.split

    def entry(self, fingerprint: str) -> dict[str, Any] | None:
        """The whole line of an accepted reply."""
        if fingerprint not in self._where:
            return None
        start, length = self._where[fingerprint]
        found: dict[str, Any] = json.loads(os.pread(self._opened().fileno(), length, start))
        return found

    def has_reply(self, fingerprint: str) -> bool:
        """True if there is an accepted reply."""
        return fingerprint in self._where

    def append(self, entries: Iterable[dict[str, Any]], *, durable: bool = True) -> None:
        """Writes entries in one go; when it returns they survive a power cut (`durable`) or a kill (otherwise)."""
        lines = [(entry, json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace") + b"\n") for entry in entries]
        try:
            with self._lock:
                file = self._opened()
                start = os.fstat(file.fileno()).st_size
                if start != self._end:  # a crash, or somebody else, wrote here
                    start += _finish_line(file, start)
                try:
                    data = b"".join(line for _, line in lines)
                    while data:
                        data = data[file.write(data) :]
                except OSError:
                    self._cut(start)
                    raise
                for entry, line in lines:
                    self._note(entry, start, len(line))
                    start += len(line)
                self._end = start
            if durable:
                os.fsync(file.fileno())
        except OSError as error:
            raise self._unwritable(error) from error

    def sync(self) -> None:
        """Returns when all that was written before the call would survive a power cut."""
        try:
            os.fsync(self._opened().fileno())
        except OSError as error:
            raise self._unwritable(error) from error

    def close(self) -> None:
        """Closes the file; whatever is asked of the journal afterwards opens it again."""
        if self._file:
            self._file.close()
            self._file = None

    def _opened(self) -> FileIO:
        """The file, for reading and appending. It stays open: a run asks for it several times a request."""
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: what the disk refuses must not be tried again when the file is closed.
            self._file = open(self._path, "a+b", buffering=0)  # noqa: SIM115
        return self._file

    def _unwritable(self, error: OSError) -> MachineError:
        return MachineError(
            f"a reply of the teacher could not be written down ({error.strerror})",
            where=self._path,
            remedy="free some space and run the same command again: earlier replies are kept",
        )

    def _load(self) -> None:
        with open(self._path, "rb") as file:
            for line in file:
                start, self._end = self._end, self._end + len(line)
                try:
                    self._note(json.loads(line), start, len(line))
                except (ValueError, KeyError, TypeError):
                    continue
            if self._end and os.pread(file.fileno(), 1, self._end - 1) != b"\n":
                self._end = -1  # the next append has to finish the line first

    def _note(self, entry: dict[str, Any], start: int, length: int) -> None:
        if "job" in entry:
            self.jobs[entry["job"]] = list(entry["of"])
            return
        if "collected" in entry:
            self.jobs.pop(entry["collected"], None)
            self.collected += 1
            return
        if "sent" in entry:
            self._open[entry["sent"]].append(float(entry["reserved"]))
            self.requests += 1
            return
        fingerprint, status = entry["request"], entry["status"]
        if status == "ok":
            self._where[fingerprint] = (start, length)
        elif status == "unusable":
            self._unusable.add(fingerprint)
        elif status == "split":
            self.split.add(fingerprint)
        self.statuses[status] += 1
        if status not in ("unusable", "split"):
            self.settled += float(entry.get("cost", 0))
            if waiting := self._open.get(fingerprint):
                waiting.pop()
                if not waiting:
                    del self._open[fingerprint]

    def _cut(self, size: int) -> None:
        """Takes back what did not fit on the disk, so that the next line starts cleanly."""
        try:
            os.truncate(self._path, size)
        except OSError:
            self._end = -1


def _finish_line(file: FileIO, size: int) -> int:
    """Ends the line that a crash cut short; how many bytes that took."""
    if not size or os.pread(file.fileno(), 1, size - 1) == b"\n":
        return 0
    return file.write(b"\n")
