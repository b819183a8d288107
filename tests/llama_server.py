"""llama.cpp's own HTTP server with a GGUF file, in a process of its own, as the package xllamacpp carries it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SERVE = """
import sys, threading
from xllamacpp import CommonParams, Server
asked = CommonParams()
asked.model.path, asked.port, asked.n_ctx, asked.n_parallel = sys.argv[1], 0, int(sys.argv[2]), 1
asked.n_gpu_layers, asked.use_jinja, asked.warmup, asked.cpuparams.n_threads = 0, True, False, 2
server = Server(asked)
print("listening on", server.listening_address, flush=True)
threading.Event().wait()
"""


@contextmanager
def llama_server(model: Path, context: int = 1024) -> Iterator[str]:
    """The address of a server for `model`, with one slot of `context` tokens, for as long as the block runs."""
    command = [sys.executable, "-c", SERVE, str(model), str(context)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout
        said = next((line for line in server.stdout if line.startswith("listening on ")), "")
        assert said, f"llama.cpp does not serve {model}"
        yield said.removeprefix("listening on ").strip()
    finally:
        server.kill()
        server.wait()


def chat(address: str, text: str, **options: Any) -> str:
    """What the server answers to a chat that sends the text alone."""
    body = {"messages": [{"role": "user", "content": text}], "temperature": 0, "max_tokens": 16, **options}
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"{address}/v1/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=120) as reply:
        return str(json.load(reply)["choices"][0]["message"]["content"])
