"""A local server that speaks as much of the Hub's API as an upload of small files needs."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hub:
    """As much of the Hub's API as an upload of small files needs."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.created: list[dict[str, Any]] = []

    def __enter__(self) -> Hub:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self, value: Any, status: int = 200) -> None:
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self) -> None:
                commit = {"id": "me/mine", "sha": "0" * 40, "siblings": [], "private": True}
                self.answer(commit if self.path.startswith(("/api/datasets/", "/api/models/")) else {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.path == "/api/repos/create":
                    hub.created.append(json.loads(body))
                    self.answer({"url": f"{hub.url}/me/mine"})
                elif "/preupload/" in self.path:
                    paths = [file["path"] for file in json.loads(body)["files"]]
                    files = [{"path": p, "uploadMode": "regular", "shouldIgnore": False} for p in paths]
                    self.answer({"files": files})
                elif "/commit/" in self.path:
                    for line in body.splitlines():
                        part = json.loads(line)
                        if part["key"] == "file":
                            hub.files[part["value"]["path"]] = base64.b64decode(part["value"]["content"])
                    self.answer({"commitUrl": f"{hub.url}/me/mine/commit/1", "commitOid": "1"})
                else:
                    self.answer({"warnings": [], "errors": []})

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
