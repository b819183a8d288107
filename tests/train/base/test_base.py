"""Bases that are missing, corrupt, of another kind, gated or unreachable: clear errors. Stop tokens by evidence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pocketmoji.core.errors import BaseModelError
from pocketmoji.core.workspace import read_json, write_json
from pocketmoji.train.base.stop_token import choose_stop_token
from pocketmoji.train.base.weights import resolve_base


def test_a_folder_is_taken_as_it_is(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POCKETMOJI_CACHE", str(tmp_path))
    base = resolve_base(str(tiny_model))
    assert (base.folder, base.source) == (tiny_model, "folder")
    assert len(base.digest) == 64


def test_terms_are_shown_once(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POCKETMOJI_CACHE", str(tmp_path))
    resolve_base(str(tiny_model))
    resolve_base(str(tiny_model))
    assert capsys.readouterr().err.count("Gemma Terms of Use") == 1


@pytest.mark.parametrize("wanted", ["no/such/folder/here", "./absent", "absent.gguf"])
def test_missing(wanted: str) -> None:
    with pytest.raises(BaseModelError, match="no base model"):
        resolve_base(wanted)


def test_truncated_weights(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    shutil.copytree(tiny_model, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(BaseModelError, match="cannot be read"):
        resolve_base(str(folder))


def test_another_architecture(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    shutil.copytree(tiny_model, folder)
    write_json(folder / "config.json", {**read_json(folder / "config.json"), "model_type": "llama"})
    with pytest.raises(BaseModelError, match="'llama'"):
        resolve_base(str(folder))


def test_corrupt_gguf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POCKETMOJI_CACHE", str(tmp_path / "cache"))
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(BaseModelError, match="cannot be read"):
        resolve_base(str(tmp_path / "broken.gguf"))
    assert not list((tmp_path / "cache").rglob("complete"))


@contextmanager
def hub(status: int, code: str) -> Iterator[str]:
    """A server that answers every request as the Hub does for a repository one may not read."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("X-Error-Message", "Access to model google/gemma-3-270m-it is restricted.")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "code", "told"), [(403, "GatedRepo", "gated"), (404, "RepoNotFound", "no such repository")]
)
def test_the_hub_refuses(tmp_path: Path, status: int, code: str, told: str) -> None:
    with hub(status, code) as address:
        done = resolve_in_child(address, tmp_path)
    assert done.returncode == 2 and told in done.stdout, done.stderr
    assert "Traceback" not in done.stderr


def test_the_hub_is_unreachable(tmp_path: Path) -> None:
    done = resolve_in_child("http://127.0.0.1:9", tmp_path)
    assert done.returncode == 2 and "cannot be reached" in done.stdout and "--base package" in done.stdout


def resolve_in_child(endpoint: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """huggingface_hub reads its endpoint when it is imported, so the client runs in a process of its own."""
    program = (
        "import sys\nfrom pocketmoji.core.errors import BaseModelError\n"
        "from pocketmoji.train.base.weights import resolve_base\n"
        "try:\n    resolve_base('google/gemma-3-270m-it')\n"
        "except BaseModelError as error:\n    print(error)\n    sys.exit(2)\n"
    )
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(cache), "HF_HUB_OFFLINE": "0"}
    return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)


def write_table(folder: Path, untrained: bool, listed: list[int]) -> None:
    """A base of six tokens of which <end_of_turn> looks like an <unused> row, or does not."""
    import torch
    from safetensors.torch import save_file

    tokens = ["<pad>", "<eos>", "<bos>", "<end_of_turn>", "<unused50>", "<unused51>"]
    write_json(folder / "tokenizer.json", {"model": {"vocab": {token: i for i, token in enumerate(tokens)}}})
    write_json(folder / "generation_config.json", {"eos_token_id": listed})
    table = torch.eye(6)
    table[5] = table[4]
    if untrained:
        table[3] = table[4] + 0.01
    save_file({"model.embed_tokens.weight": table}, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("untrained", "listed", "token"),
    [(True, [1, 3], "<eos>"), (False, [1, 3], "<end_of_turn>"), (False, [1], "<eos>"), (True, [1], "<eos>")],
)
def test_stop_token(tmp_path: Path, untrained: bool, listed: list[int], token: str) -> None:
    write_table(tmp_path, untrained, listed)
    assert choose_stop_token(tmp_path).token == token
