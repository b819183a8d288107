"""A local server that speaks as much of the Gemini REST API as google-genai needs for generateContent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Asked = list[dict[str, Any]]
"""The seeds of one request, as the teacher's prompt lists them."""


@dataclass
class Answer:
    """What the server sends back for one request."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def reply(text: str, finish: str = "STOP") -> Answer:
    """A reply of the model with this text."""
    parts = {"role": "model", "parts": [{"text": text}]}
    return Answer({"candidates": [{"content": parts, "finishReason": finish, "index": 0}], "modelVersion": "fake"})


def good(asked: Asked) -> Answer:
    """What a model that behaves would say."""
    items = [
        {"number": a["number"], "paraphrases": [f"Take {n} on {a['text']}, friends" for n in range(a["wanted"])]}
        for a in asked
    ]
    return reply(json.dumps({"items": items}))


def failure(code: int, status: str, message: str, details: list[Any] | None = None, **headers: str) -> Answer:
    """An error as the real API words it."""
    error = {"code": code, "status": status, "message": message, "details": details or []}
    return Answer({"error": error}, code, {name.replace("_", "-"): value for name, value in headers.items()})


class GeminiServer:
    """Answers requests one by one from a script, and with `good` once the script is used up."""

    def __init__(self, *script: Answer | Callable[[Asked], Answer], always: Callable[[Asked], Answer] = good) -> None:
        self.script, self.always = list(script), always
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.keys: list[str | None] = []
        self._lock = threading.Lock()

    def __enter__(self) -> GeminiServer:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with fake._lock:
                    fake.requests.append(body)
                    fake.paths.append(self.path)
                    fake.keys.append(self.headers.get("x-goog-api-key"))
                    chosen = fake.script.pop(0) if fake.script else fake.always
                asked = json.loads(body["contents"][0]["parts"][0]["text"])
                answer = chosen if isinstance(chosen, Answer) else chosen(asked)
                data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
