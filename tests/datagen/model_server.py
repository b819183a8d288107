"""A local server that speaks as much as the teachers need: Gemini's generateContent and OpenAI's chat completions."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Asked = list[dict[str, Any]]
"""The seeds of one request, as the teacher's prompt lists them."""

USAGE = (100, 50)


@dataclass
class Answer:
    """What the server sends back for one request: `text` is the model's, or `body` the whole reply as it stands (None:
    the connection is cut); `cut`: the limit on its tokens ended it."""

    text: str | None = None
    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    tokens: tuple[int, int] = USAGE
    cut: bool = False


def reply(text: str) -> Answer:
    """A reply of the model with this text."""
    return Answer(text)


def items(asked: Asked, text: Callable[[dict[str, Any], int], str]) -> str:
    """A reply that keeps to the schema, with `text(seed, n)` as paraphrase n."""
    found = [
        {
            "number": a["number"],
            "paraphrases": [{"style": int(n), "text": text(a, int(n))} for n in a["styles"]],
        }
        for a in asked
    ]
    return json.dumps({"items": found})


WORDS = "amber birch cedar dawn ember fjord grove haze iris jade kelp larch maple night opal pearl quartz reed"


def good(asked: Asked) -> Answer:
    """What a model that behaves would say: texts that are no near-duplicates of each other."""

    words = WORDS.split()

    def text(seed: dict[str, Any], n: int) -> str:
        k = n + len(seed["avoid"])
        return f"{words[k % 18].title()} {words[(k * 7 + 3) % 18]}: {seed['text']} {words[(k * 5 + 1) % 18]} take {k}"

    return reply(items(asked, text))


def failure(code: int, status: str, message: str, details: list[Any] | None = None, **headers: str) -> Answer:
    """An error as the real APIs word it."""
    error = {"code": code, "status": status, "message": message, "details": details or []}
    return Answer(None, {"error": error}, code, {name.replace("_", "-"): value for name, value in headers.items()})


def gemini_body(answer: Answer) -> dict[str, Any]:
    parts = {"role": "model", "parts": [{"text": answer.text}]}
    sent, received = answer.tokens
    usage = {"promptTokenCount": sent, "candidatesTokenCount": received, "totalTokenCount": sent + received}
    reason = "MAX_TOKENS" if answer.cut else "STOP"
    return {"candidates": [{"content": parts, "finishReason": reason, "index": 0}], "usageMetadata": usage}


def openai_body(answer: Answer) -> dict[str, Any]:
    sent, received = answer.tokens
    message = {"role": "assistant", "content": answer.text}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "fake",
        "choices": [{"index": 0, "finish_reason": "length" if answer.cut else "stop", "message": message}],
        "usage": {"prompt_tokens": sent, "completion_tokens": received, "total_tokens": sent + received},
    }


class ModelServer:
    """Answers requests one by one from a script, and with `always` once the script is used up."""

    def __init__(self, *script: Answer | Callable[[Asked], Answer], always: Callable[[Asked], Answer] = good) -> None:
        self.script, self.always = list(script), always
        self.habit: Callable[[str, dict[str, Any]], Answer | None] = lambda path, body: None
        """What the server says to a request (its path and body) that it does not take; None to those that it takes."""
        self.models: list[dict[str, Any]] = []
        """What it lists of its models, in either protocol's words."""
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.keys: list[str | None] = []
        self.in_flight = self.most_in_flight = 0
        self.jobs: list[dict[str, Any]] = []
        self.job_state = "BATCH_STATE_SUCCEEDED"
        self.row_errors: list[int] = []
        """Numbers of the rows, over all jobs, that fail although their job succeeds."""
        self.row_error: dict[str, Any] = {"code": 13, "message": "internal"}
        self._lock = threading.Lock()

    def answer(self, asked: Asked) -> Answer:
        with self._lock:
            chosen = self.script.pop(0) if self.script else self.always
        return chosen if isinstance(chosen, Answer) else chosen(asked)

    def delivered(self, asked: Asked, alive: bool) -> None:
        """Called when a reply is about to be sent; `alive` is False if nobody is there any more to receive it."""

    def make_job(self, body: dict[str, Any]) -> dict[str, Any]:
        """A batch job, answered at once; its rows come back in another order."""
        responses = []
        for row in body["batch"]["inputConfig"]["requests"]["requests"]:
            number = len(self.requests)
            self.requests.append(row["request"])
            responses.append({"metadata": row["metadata"]})
            if number in self.row_errors:
                responses[-1]["error"] = self.row_error
                continue
            answer = self.answer(json.loads(row["request"]["contents"][0]["parts"][0]["text"]))
            responses[-1]["response"] = gemini_body(answer)
        name = f"batches/{len(self.jobs)}"
        job = {
            "name": name,
            "metadata": {
                "name": name,
                "displayName": body["batch"]["displayName"],
                "state": self.job_state,
                "output": {"inlinedResponses": {"inlinedResponses": responses[::-1]}},
            },
            "done": True,
        }
        self.jobs.append(job)
        return job

    def __enter__(self) -> ModelServer:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # A body that waits for the headers to be acknowledged comes 40 ms after them.
            disable_nagle_algorithm = True

            def send_json(self, value: Any, status: int = 200) -> None:
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def alive(self) -> bool:
                try:
                    return bool(self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
                except BlockingIOError:
                    return True
                except OSError:
                    return False

            def do_GET(self) -> None:
                name = self.path.partition("?")[0].removeprefix("/v1beta/")
                if name.partition("/")[0] == "models" and fake.models:
                    known = [model for model in fake.models if model["name"] == name]
                    if "/" not in name:
                        self.send_json({"models": fake.models})
                    elif known:
                        self.send_json(known[0])
                    else:
                        error = {"code": 404, "status": "NOT_FOUND", "message": f"{name} is not found"}
                        self.send_json({"error": error}, 404)
                    return
                if name.endswith("/models"):
                    self.send_json({"data": fake.models})
                    return
                found = [job for job in fake.jobs if job["name"] == name]
                self.send_json(found[0] if found else {"operations": fake.jobs})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if "batch" in body:
                    self.send_json(fake.make_job(body))
                    return
                with fake._lock:
                    fake.requests.append(body)
                    fake.paths.append(self.path)
                    fake.keys.append(self.headers.get("x-goog-api-key") or self.headers.get("Authorization"))
                    fake.in_flight += 1
                    fake.most_in_flight = max(fake.most_in_flight, fake.in_flight)
                chat = "messages" in body
                prompt = body["messages"][-1]["content"] if chat else body["contents"][0]["parts"][0]["text"]
                asked = json.loads(prompt[prompt.index("[") :])
                answer = fake.habit(self.path, body) or fake.answer(asked)
                fake.delivered(asked, self.alive())
                with fake._lock:
                    fake.in_flight -= 1
                if answer.text is None and answer.body is None:
                    self.close_connection = True
                    self.connection.close()
                    return
                whole = answer.body
                if answer.text is not None:
                    whole = (openai_body if chat else gemini_body)(answer)
                data = whole if isinstance(whole, bytes) else json.dumps(whole).encode()
                self.send_response(answer.status)
                if "Content-Type" not in answer.headers:
                    self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
