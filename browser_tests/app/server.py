"""A static server for the built demo and a model folder, on this machine only."""

from __future__ import annotations

import io
import posixpath
import re
import sys
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pocketmoji.browser_tests.app.page import page_folder
from pocketmoji.core.console import say
from pocketmoji.core.errors import InputError, MachineError

DEFAULT_MODEL = "model"  # what the page loads without ?model=

HEADERS = {
    # The first two make the page cross-origin isolated, without which WebAssembly has one thread.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # ask again every time: a model that was exported anew keeps its name
    "X-Content-Type-Options": "nosniff",
}
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
    "": "application/octet-stream",
}


def require_model(folder: Path) -> None:
    """InputError unless `folder` has what the page needs of a model."""
    missing = [name for name in ("config.json", "tokenizer.json") if not (folder / name).is_file()]
    if not missing and not any(folder.glob("onnx/*.onnx")):
        missing = ["onnx/*.onnx"]
    if missing:
        raise InputError(
            f"{folder} holds no model: {missing[0]} is missing",
            expected="an exported folder with config.json, tokenizer.json and onnx/",
            where=folder,
            remedy="give the folder that `pocketmoji export` or `pocketmoji run` wrote as web/",
        )


class Server(ThreadingHTTPServer):
    """Serves `page` at / and each of `models` at /models/<name>/. Port 0 takes any free one."""

    daemon_threads = True
    # A second demo on the same port must be told so; with the standard library's default it would share the port.
    allow_reuse_address = sys.platform != "win32"
    # Tests set these: what a host may do wrong, another export under the same names, a host that is gone.
    headers: Mapping[str, str] = HEADERS
    types: Mapping[str, str] = TYPES
    version = ""
    refusing = False

    def __init__(self, models: Mapping[str, Path], port: int = 0, page: Path | None = None) -> None:
        self.page = (page or page_folder()).resolve()
        self.models = {name: folder.resolve() for name, folder in models.items()}
        if not (self.page / "index.html").is_file():
            raise MachineError(
                "the demo page is not built",
                where=self.page,
                remedy="run `python -m pocketmoji.browser_tests.app.node`",
            )
        for folder in self.models.values():
            if not (folder / "config.json").is_file():  # anything else that is missing, the page has to tell
                require_model(folder)
        try:
            super().__init__(("127.0.0.1", port), Handler)
        except OSError as error:
            raise MachineError(
                f"port {port} cannot be used: {error.strerror}", remedy="give another --port, or 0 for any free one"
            ) from error

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that closes a connection half-way is no error; anything else is printed as usual."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(SimpleHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    @property
    def extensions_map(self) -> Mapping[str, str]:  # type: ignore[override]
        return self.server.types

    def parse_request(self) -> bool:
        if self.server.refusing:
            self.close_connection = True
            return False
        return super().parse_request()

    def etag(self, path: Path) -> str:
        """A model that was exported anew within a second has the same date."""
        return f'"{path.stat().st_mtime_ns:x}-{path.stat().st_size:x}{self.server.version}"'

    def translate_path(self, path: str) -> str:
        """The file of a request; a path that leaves its root ends nowhere."""
        clean = posixpath.normpath("/" + urllib.parse.unquote(path.split("?", 1)[0].split("#", 1)[0]).lstrip("/"))
        parts = clean.strip("/").split("/")
        root, rest = self.server.page, parts
        if parts[0] == "models":
            folder = self.server.models.get(parts[1]) if len(parts) > 1 else None
            root, rest = folder or self.server.page / "no such model", parts[2:]
        target = root.joinpath(*[part for part in rest if part])
        return str(target / "index.html" if target == self.server.page else target)

    def send_head(self) -> Any:  # type: ignore[override]
        """As the standard library does it, plus byte ranges: a broken download goes on where it stopped."""
        path = Path(self.translate_path(self.path))
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not wanted or not path.is_file():
            return super().send_head()
        size, start = path.stat().st_size, int(wanted[1])
        end = min(int(wanted[2]) if wanted[2] else size - 1, size - 1)
        if start > end:
            self.send_error(416, "Range Not Satisfiable")
            return None
        with open(path, "rb") as file:
            file.seek(start)
            part = file.read(end - start + 1)
        self.send_response(206)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Range", f"bytes {start}-{end}/{size}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        return io.BytesIO(part)

    def list_directory(self, path: Any) -> None:  # type: ignore[override]
        self.send_error(404, "File not found")

    def end_headers(self) -> None:
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        path = Path(self.translate_path(self.path))
        if path.is_file():
            self.send_header("ETag", self.etag(path))
        self.send_header("Accept-Ranges", "bytes")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def running(
    models: Mapping[str, Path], port: int = 0, page: Path | None = None, kind: type[Server] = Server
) -> Iterator[Server]:
    """A server in a thread of its own for the length of a with-block."""
    server = kind(models, port, page)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def serve(model_folder: Path, port: int = 8000, block: bool = True) -> Server:
    """The demo with `model_folder` as its model. Blocks until Ctrl-C, or returns the server that runs in a thread."""
    server = Server({DEFAULT_MODEL: model_folder}, port)
    if not block:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server
    say(f"pocketmoji demo: {server.url} (Ctrl-C ends it)")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        say("")
    finally:
        server.server_close()
    return server
