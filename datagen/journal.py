"""A journal of paid replies: append-only JSONL, on the disk before it counts, so that no reply is paid for twice."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pocketmoji.errors import MachineError


class Journal:
    """Replies by the digest of their request. A line that a crash cut short is passed over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._replies: dict[str, Any] = {}
        if path.is_file():
            for line in path.read_bytes().splitlines():
                try:
                    entry = json.loads(line)
                    self._replies[entry["request"]] = entry["reply"]
                except (ValueError, KeyError, TypeError):
                    continue

    def get(self, request: str) -> Any | None:
        return self._replies.get(request)

    def put(self, request: str, reply: Any) -> None:
        """Keeps a reply; when this returns, it survives a power cut."""
        line = json.dumps({"request": request, "reply": reply}, ensure_ascii=False) + "\n"
        try:
            with open(self._path, "ab+") as file:
                if file.tell() and not self._ends_with_newline():
                    line = "\n" + line
                file.write(line.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise MachineError(
                f"a reply of the teacher could not be written down ({error.strerror})",
                where=self._path,
                remedy="free some space and run the same command again: earlier replies are kept",
            ) from error
        self._replies[request] = reply

    def _ends_with_newline(self) -> bool:
        with open(self._path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"
