"""Static hosts as they are: one server, and the habits that hosts on the web have."""

from __future__ import annotations

import gzip
import re
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".wasm": "application/wasm",
    ".svg": "image/svg+xml",
}
COMPRESSED = (".onnx", ".part-0", ".task", ".wasm", ".js", ".mjs", ".json", ".html", ".css")


@dataclass(frozen=True)
class Habits:
    compress: str = ""
    """A coding that files come in, with the Content-Length of what is sent."""
    encoded_ranges: bool = False
    """Ranges are compressed as well, which no browser can unpack."""
    ranges: bool = True
    most: int = 0
    """A range is answered with so many bytes at most."""
    chunked: bool = False
    head: bool = True
    tags: bool = True
    types: dict[str, str] = field(default_factory=dict)
    page_for_missing: bool = False
    """A missing file is the page, with status 200."""
    pointers: bool = False
    """Git LFS's pointers in place of large files."""
    prefix: str = "/"
    before: dict[str, bytes] = field(default_factory=dict)
    """What stands before the content of files with such a part in their path."""


@lru_cache
def _packed(path: Path, coding: str) -> bytes:
    return gzip.compress(path.read_bytes(), 1) if coding == "gzip" else zlib.compress(path.read_bytes(), 1)


class Host(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder: Path, habits: Habits) -> None:
        self.folder, self.habits = folder, habits
        self.asked: list[str] = []  # "GET /models/…", with the range
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        """One thread: two wait for each other where other work has a core."""
        return f"http://127.0.0.1:{self.server_address[1]}{self.habits.prefix}?threads=1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class _Handler(BaseHTTPRequestHandler):
    server: Host
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(True)

    def do_HEAD(self) -> None:
        self.answer(False)

    def answer(self, body: bool) -> None:
        habits, wanted = self.server.habits, self.headers.get("Range", "")
        self.server.asked.append(f"{self.command} {self.path} {wanted}".strip())
        if not body and not habits.head:
            return self.send(405, b"", "text/plain", {}, body)
        inside = self.path.split("?")[0].removeprefix(habits.prefix)
        path = self.server.folder / inside.lstrip("/")
        if path.is_dir():
            path = path / "index.html"
        if not path.is_file():
            if not habits.page_for_missing:
                return self.send(404, b"<html>404</html>", "text/html", {}, body)
            path = self.server.folder / "index.html"
        kind = (TYPES | habits.types).get(path.suffix, "application/octet-stream")
        data, headers = path.read_bytes(), {"Accept-Ranges": "bytes"} if habits.ranges else {}
        tag = f'"{len(data):x}"'
        if habits.pointers and path.suffix in (".onnx", ".wasm") and "models" in path.parts:
            data = f"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize {len(data)}\n".encode()
        for part, text in habits.before.items():
            if part in path.as_posix():
                data = text + data
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
        coding = habits.compress if habits.compress in self.headers.get("Accept-Encoding", "") else ""
        status = 200
        if habits.ranges and found:
            start, end = int(found[1]), min(int(found[2] or len(data) - 1), len(data) - 1)
            if habits.most:
                end = min(end, start + habits.most - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
            data, status = data[start : end + 1], 206
            if habits.encoded_ranges:
                data, headers["Content-Encoding"] = gzip.compress(data), "gzip"
        elif coding and path.suffix in COMPRESSED:
            data = _packed(path, coding)
            headers |= {"Content-Encoding": coding, "Vary": "Accept-Encoding"}
            tag = f'W/{tag[:-1]}-{coding}"'
        if habits.tags:
            headers["ETag"] = tag
        self.send(status, data, kind, headers, body)

    def send(self, status: int, data: bytes, kind: str, headers: dict[str, str], body: bool) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, **headers}.items():
            self.send_header(name, value)
        chunked = self.server.habits.chunked
        self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(data)))))
        self.end_headers()
        if not body:
            return
        if not chunked:
            self.wfile.write(data)
            return
        for at in range(0, len(data), 1 << 16):
            part = data[at : at + (1 << 16)]
            self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def hosted(folder: Path, habits: Habits = Habits()) -> Iterator[Host]:
    host = Host(folder, habits)
    threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield host
    finally:
        host.shutdown()
        host.server_close()


Serve = Callable[..., Host]
