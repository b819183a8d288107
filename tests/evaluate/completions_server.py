"""A local server that speaks OpenAI's chat completions, for the tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def completions_server(busy_first: int = 0) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yields the address (ending in /v1) and the list of requests. The first `busy_first` get 429; a model called
    "broken" gets no completion, one called "absent" 404. The answer is 🎉, cut off for texts that hold "cut"."""
    seen: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append(body | {"key": self.headers.get("Authorization"), "path": self.path})
            if len(seen) <= busy_first:
                self.send_response(429)
                self.send_header("Retry-After", "0")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            ended = "length" if "cut" in body["messages"][-1]["content"] else "stop"
            said = {"choices": [{"message": {"role": "assistant", "content": "🎉"}, "finish_reason": ended}]}
            data = json.dumps({} if body["model"] == "broken" else said).encode()
            self.send_response(404 if body["model"] == "absent" else 200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", seen
    finally:
        server.shutdown()
        server.server_close()
