"""The site on hosts as they are: each answers, or says what is wrong in words that help."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.browser_tests.app.site import build_site
from pocketmoji.core.workspace import read_json
from tests.demo.habits import Habits, Host, hosted

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
TEXT = "what a fun party"
SMALL = 2_000_000  # bytes: the tiny model and each WebAssembly file are split


@pytest.fixture(scope="session")
def whole(demo: Path, tiny_web: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(tiny_web, tmp_path_factory.mktemp("sites") / "whole", host="space")


@pytest.fixture(scope="session")
def split(demo: Path, tiny_web: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(tiny_web, tmp_path_factory.mktemp("sites") / "split", host="any", below=SMALL)


@pytest.fixture
def serve() -> Iterator[Callable[..., Host]]:
    with ExitStack() as stack:
        yield lambda folder, **habits: stack.enter_context(hosted(folder, Habits(**habits)))


def settled(page: Any) -> str:
    """What the page came to: "ready", or the title of its problem."""
    page.wait_for_selector("#badge:not([hidden]), #problem:not([hidden])")
    return page.inner_text("#problem-title") if page.is_visible("#problem") else "ready"


def tokens(page: Any, text: str = TEXT) -> list[int]:
    assert settled(page) == "ready", page.text_content("#problem-detail")
    found: list[int] = page.evaluate("text => window.pocketmoji.answer(text, {grammar: false}).then(found => found[0].tokens)", text)
    return found


HABITS: dict[str, dict[str, Any]] = {
    "compresses with gzip": {"compress": "gzip"},
    "compresses with deflate": {"compress": "deflate"},
    "compresses, and knows no ranges": {"compress": "gzip", "ranges": False},
    "compresses ranges": {"compress": "gzip", "encoded_ranges": True},
    "knows no ranges": {"ranges": False},
    "sends less than a range": {"most": 100_000},
    "sends chunks": {"chunked": True},
    "sends chunks and no ranges": {"chunked": True, "ranges": False},
    "knows no HEAD": {"head": False},
    "tells no version": {"tags": False},
    "is a folder": {"prefix": "/some/where/"},
    "does not know .mjs, .wasm and .json": {
        "types": {".mjs": "application/octet-stream", ".wasm": "text/plain", ".json": "text/html"}
    },
    "answers a missing file with a page": {"page_for_missing": True},
}


SPLIT = ("compresses with gzip", "compresses, and knows no ranges", "sends chunks", "is a folder")


@pytest.mark.parametrize(
    ("habit", "site"), [(habit, "whole") for habit in HABITS] + [(habit, "split") for habit in SPLIT]
)
def test_answers(
    habit: str, site: str, request: pytest.FixtureRequest, serve: Callable[..., Host], new_page: Open, in_python: Any
) -> None:
    folder: Path = request.getfixturevalue(site)
    page = new_page(serve(folder, **HABITS[habit]).url)
    assert tokens(page) == in_python[0].tokens
    info = page.evaluate("window.pocketmoji.info()")
    size = read_json(folder / "models/model/pocketmoji.json")["bytes"]["onnx/model.onnx"]
    assert (info["kept"], info["bytes"]) == ("kept", size)
    assert info["cross_origin_isolated"]
    page.reload()
    assert settled(page) == "ready"
    assert page.evaluate("window.pocketmoji.info().from_store")


def test_the_model_is_asked_for_once(whole: Path, serve: Callable[..., Host], new_page: Open) -> None:
    """Also where a host knows no ranges."""
    host = serve(whole, ranges=False)
    tokens(new_page(host.url))
    assert len([line for line in host.asked if line.startswith("GET") and ".onnx" in line]) == 1


def test_progress_of_a_reply_without_length(whole: Path, serve: Callable[..., Host], new_page: Open) -> None:
    """pocketmoji.json says how large the file is."""
    page = new_page("about:blank")
    page.add_init_script("""
      window.said = new Set();
      addEventListener('DOMContentLoaded', () => new MutationObserver(() => {
        window.said.add(document.querySelector('#loading-bytes').textContent);
        window.said.add(document.querySelector('#status').textContent);
      }).observe(document.body, {subtree: true, childList: true, characterData: true}));""")
    page.goto(serve(whole, chunked=True).url)
    assert settled(page) == "ready"
    said = page.evaluate("[...window.said]")
    size = read_json(whole / "models/model/pocketmoji.json")["bytes"]["onnx/model.onnx"]
    assert any(line.endswith(f" of {size / 1e6:.1f} MB") for line in said)
    assert any(line.startswith(f"Ready: {size / 1e6:.1f} MB") for line in said)
    assert not any(line.startswith(("0.0 MB", "Ready: 0.0")) for line in said)


def test_nobody_knows_the_size(
    tiny_web: Path, whole: Path, tmp_path: Path, serve: Callable[..., Host], new_page: Open
) -> None:
    site = shutil.copytree(whole, tmp_path / "site")
    card = site / "models/model/pocketmoji.json"
    card.write_text((tiny_web / "pocketmoji.json").read_text("utf-8"), "utf-8")
    page = new_page(serve(site, chunked=True).url)
    assert tokens(page)
    assert page.evaluate("window.pocketmoji.info().bytes") == (site / "models/model/onnx/model.onnx").stat().st_size
    page.reload()
    assert settled(page) == "ready"
    assert page.evaluate("window.pocketmoji.info().from_store")


def problem(page: Any) -> tuple[str, str, bool]:
    """Title and detail of what the page says, and whether it offers another try."""
    page.wait_for_selector("#problem:not([hidden])")
    return page.inner_text("#problem-title"), page.text_content("#problem-detail"), page.is_visible("#retry")


def test_pointers_of_git_lfs(whole: Path, serve: Callable[..., Host], new_page: Open) -> None:
    title, detail, again = problem(new_page(serve(whole, pointers=True).url))
    assert title == "The model is not there" and "Git LFS" in detail and not again


@pytest.mark.parametrize("page_for_missing", [False, True])
def test_missing_files(
    whole: Path, tmp_path: Path, serve: Callable[..., Host], new_page: Open, page_for_missing: bool
) -> None:
    for name in ("models/model/onnx/model.onnx", "models/model/tokenizer.json", "runtime/transformers.min.js"):
        site = shutil.copytree(whole, tmp_path / name.replace("/", "-"))
        (site / name).unlink()
        title, detail, again = problem(new_page(serve(site, page_for_missing=page_for_missing).url))
        assert title == "The model is not there" and name.rsplit("/")[-1] in detail and not again, (name, detail)


def test_a_model_folder_without_a_card(whole: Path, tmp_path: Path, serve: Callable[..., Host], new_page: Open) -> None:
    """Any folder in the layout of Transformers.js will do, also where a missing file is a page."""
    site = shutil.copytree(whole, tmp_path / "site")
    (site / "models/model/pocketmoji.json").unlink()
    page = new_page(serve(site, page_for_missing=True).url + "&dtype=fp32")
    assert tokens(page)


def test_a_part_that_is_damaged(split: Path, tmp_path: Path, serve: Callable[..., Host], new_page: Open) -> None:
    site = shutil.copytree(split, tmp_path / "site")
    part = site / "models/model/onnx/model.onnx.part-1"
    part.write_bytes(bytes(part.stat().st_size))
    title, detail, again = problem(new_page(serve(site).url))
    assert title == "The model file cannot be read" and "model.onnx.part-1" in detail and not again


def test_scripts_with_another_type(whole: Path, serve: Callable[..., Host], new_page: Open) -> None:
    title, detail, again = problem(new_page(serve(whole, types={".js": "text/plain"}).url))
    assert title == "The page's script does not load" and "text/plain" in detail and not again


def test_a_kept_model_is_used_while_the_host_is_out_of_order(
    whole: Path, serve: Callable[..., Host], new_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.demo import habits

    page = new_page((host := serve(whole)).url)
    assert settled(page) == "ready"
    page.evaluate("navigator.serviceWorker.ready.then(() => 1)")
    page.reload()
    assert settled(page) == "ready"
    real = habits._Handler.answer

    def answer(self: Any, body: bool) -> None:
        if ".onnx" in self.path:
            self.send(503, b"", "text/plain", {}, body)
        else:
            real(self, body)

    monkeypatch.setattr(habits._Handler, "answer", answer)
    page.goto(host.url)
    assert tokens(page) and page.evaluate("window.pocketmoji.info().from_store")
