"""`pocketmoji demo --build`: a static folder that a plain web server serves."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.cli import main


@pytest.fixture
def site(demo: Path, tiny_web: Path, tmp_path: Path) -> Path:
    assert main(["demo", str(tiny_web), "--build", str(tmp_path / "site")]) == 0
    return tmp_path / "site"


@pytest.fixture
def plain_host(site: Path) -> Iterator[str]:
    """Python's own file server: no special headers, no ranges."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site.parent)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/site/"
    server.shutdown()
    server.server_close()


@pytest.mark.browser
def test_answers_from_a_folder_of_a_plain_host(plain_host: str, new_page: Callable[..., Any]) -> None:
    page = new_page(plain_host)
    page.wait_for_selector("#badge:not([hidden])")
    assert page.evaluate("window.pocketmoji.info().cross_origin_isolated")  # by its service worker
    assert page.evaluate("window.pocketmoji.answer('what a fun party').then(found => found[0].tokens.length)") > 0


def test_what_a_space_reads(site: Path) -> None:
    front, _, text = (site / "README.md").read_text("utf-8").removeprefix("---\n").partition("\n---\n")
    assert "sdk: static" in front and "cross-origin-embedder-policy: require-corp" in front
    assert "Gemma Terms of Use" in text and (site / "models/model/NOTICE").is_file()


def test_nothing_of_anyone_is_overwritten(site: Path, tiny_web: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", str(tiny_web), "--build", str(site)]) == 0  # its own folder, once more
    mine = site.parent / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years")
    assert main(["demo", str(tiny_web), "--build", str(mine)]) == 2
    assert "nothing of yours is overwritten" in capsys.readouterr().err
    assert [path.name for path in mine.iterdir()] == ["thesis.txt"]


def test_a_folder_without_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", str(tmp_path), "--build", str(tmp_path / "site")]) == 2
    assert "config.json is missing" in capsys.readouterr().err


def test_what_each_host_takes(
    demo: Path, tiny_web: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing that is too large, no attributes of Git LFS but for a Space; what was left out is said."""
    import shutil

    web = shutil.copytree(tiny_web, tmp_path / "web")
    with open(web / "model.task", "wb") as file:
        file.truncate(127_000_000)
    for host, below in (("github-pages", 100_000_000), ("cloudflare", 25 * 2**20), ("any", 25 * 2**20), ("space", 10**12)):
        out = tmp_path / host
        assert main(["demo", str(web), "--build", str(out), "--host", host, "--json"]) == 0
        said = capsys.readouterr()
        made = json.loads(said.out)
        sizes = {p.relative_to(out).as_posix(): p.stat().st_size for p in out.rglob("*") if p.is_file()}
        assert max(sizes.values()) < below
        assert (out / ".gitattributes").is_file() == (host == "space")
        assert ("models/model/model.task" in sizes) == (host == "space")
        assert ("models/model/model.task" in made["left_out"]) == (host != "space")
        assert host == "space" or "left out: models/model/model.task" in said.err
        card = json.loads((out / "models/model/pocketmoji.json").read_text("utf-8"))
        assert card["sha256"]["onnx/model.onnx"] and card["bytes"]["onnx/model.onnx"] == sizes["models/model/onnx/model.onnx"]
        wasm = "ort-wasm-simd-threaded.asyncify.wasm"
        facts = json.loads((out / "runtime/pocketmoji.json").read_text("utf-8"))
        assert sum(part["bytes"] for part in facts["parts"].get(wasm, [])) in (0, facts["bytes"][wasm])
        assert (wasm in facts["parts"]) == (below < facts["bytes"][wasm])


def test_a_host_that_nobody_knows(tiny_web: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", str(tiny_web), "--build", str(tmp_path / "site"), "--host", "floppy"]) == 2
    assert "github-pages, cloudflare, space, any" in capsys.readouterr().err
    assert main(["demo", str(tiny_web), "--host", "any"]) == 2
