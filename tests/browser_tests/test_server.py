"""The local server: headers, types, roots, and nothing outside of them."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from pocketmoji.browser_tests.app.server import Server, running
from pocketmoji.core.errors import InputError, MachineError


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    page, model = tmp_path / "page", tmp_path / "model"
    for folder in (page / "runtime", model / "onnx"):
        folder.mkdir(parents=True)
    (page / "index.html").write_text("<p>hi")
    (page / "runtime/a.wasm").write_bytes(b"\0asm")
    (page / "runtime/a.mjs").write_text("export {}")
    (model / "config.json").write_text("{}")
    (model / "tokenizer.json").write_text("{}")
    (model / "onnx/model.onnx").write_bytes(b"12345")
    (tmp_path / "secret.txt").write_text("secret")
    with running({"model": model}, page=page) as started:
        yield started


def get(server: Server, path: str, method: str = "GET") -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
    connection.request(method, path)  # as it stands: no client that tidies up the path first
    response = connection.getresponse()
    return response, response.read()


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/", "text/html; charset=utf-8", b"<p>hi"),
        ("/?model=model", "text/html; charset=utf-8", b"<p>hi"),
        ("/runtime/a.wasm", "application/wasm", b"\0asm"),
        ("/runtime/a.mjs", "text/javascript; charset=utf-8", b"export {}"),
        ("/models/model/config.json", "application/json", b"{}"),
        ("/models/model/onnx/model.onnx", "application/octet-stream", b"12345"),
    ],
)
def test_serves(server: Server, path: str, kind: str, body: bytes) -> None:
    response, content = get(server, path)
    assert (response.status, response.headers["Content-Type"], content) == (200, kind, body)
    assert response.headers["Content-Length"] == str(len(body))
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Embedder-Policy"] == "require-corp"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/runtime/",
        "/models/",
        "/models/other/config.json",
        "/models/model/",
        "/../secret.txt",
        "/models/model/../../secret.txt",
        "/models/model/%2e%2e/%2e%2e/secret.txt",
        "//etc/passwd",
    ],
)
def test_has_nothing_else(server: Server, path: str) -> None:
    response, content = get(server, path)
    assert response.status == 404
    assert b"secret" not in content


def test_size_without_content(server: Server) -> None:
    response, content = get(server, "/models/model/onnx/model.onnx", "HEAD")
    assert (response.headers["Content-Length"], content) == ("5", b"")


@pytest.mark.parametrize(
    ("wanted", "status", "body"),
    [("bytes=1-2", 206, b"23"), ("bytes=3-", 206, b"45"), ("bytes=0-99", 206, b"12345"), ("bytes=5-", 416, None)],
)
def test_a_part_of_a_file(server: Server, wanted: str, status: int, body: bytes | None) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
    connection.request("GET", "/models/model/onnx/model.onnx", headers={"Range": wanted})
    response = connection.getresponse()
    content = response.read()
    assert response.status == status
    if body is not None:
        assert content == body and response.headers["Content-Range"].endswith("/5")


def test_a_changed_file_has_another_tag(server: Server) -> None:
    path = "/models/model/onnx/model.onnx"
    before = get(server, path, "HEAD")[0].headers["ETag"]
    assert before and get(server, path, "HEAD")[0].headers["ETag"] == before
    (server.models["model"] / "onnx/model.onnx").write_bytes(b"54321")
    assert get(server, path, "HEAD")[0].headers["ETag"] != before


def test_a_port_in_use_is_named(server: Server) -> None:
    port = server.server_address[1]
    with pytest.raises(MachineError, match=rf"port {port} cannot be used"):
        Server(server.models, port, server.page)


def test_a_folder_without_a_model(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no model"):
        Server({"model": tmp_path}, page=server.page)


def test_a_demo_that_is_not_built(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"python -m pocketmoji\.browser_tests\.app\.node"):
        Server({}, page=tmp_path)
