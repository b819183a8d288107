"""The page's own engine in a real Chromium, on a tiny model that knows its answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.browser_tests.app.server import Server, running
from pocketmoji.browser_tests.engines.chromium import launch
from pocketmoji.browser_tests.engines.runtimes import OWN, BrowserRuntime, EngineFailure, Page, processor_engine
from tests.browser_tests.taught import ANSWERS

pytestmark = pytest.mark.browser
Folders = tuple[Path, Path]
TEXTS = list(ANSWERS)[:3]


@pytest.fixture(scope="module")
def runtime(taught: Folders) -> Iterator[BrowserRuntime]:
    with BrowserRuntime(OWN, taught[0], threads=2, webgpu="off") as loaded:
        yield loaded


def test_answers_and_candidates_on_two_threads(runtime: BrowserRuntime) -> None:
    assert [p.raw for p in runtime.predict(TEXTS)] == [ANSWERS[text] for text in TEXTS]
    candidates = runtime.candidates(TEXTS[0], 3)
    assert candidates[0].raw == ANSWERS[TEXTS[0]] and len({one.raw for one in candidates}) == len(candidates) > 1
    assert (runtime.info.engine, runtime.info.threads, runtime.adapter_name) == ("pocketmoji", 2, "WASM, 2 threads")


def test_onnx_runtime_is_not_fetched(runtime: BrowserRuntime) -> None:
    names = {address.rsplit("/", 1)[-1] for address in runtime.requests}
    assert not [name for name in names if name.startswith(("ort-", "transformers"))]
    assert [name for name in names if name.startswith("decoder-threads")]


def test_a_host_that_isolates_nothing_gets_one_thread(taught: Folders) -> None:
    bare = type("Bare", (Server,), {"headers": {}})
    with BrowserRuntime(OWN, taught[0], webgpu="off", page=Page(server=bare)) as loaded:
        assert (loaded.info.threads, loaded.info.cross_origin_isolated) == (1, False)
        assert loaded.predict(TEXTS[:1])[0].raw == ANSWERS[TEXTS[0]]


def test_a_file_that_it_does_not_know_is_named(tiny_web: Path) -> None:
    known = [
        processor_engine({"name": name}) for name in ("onnx_q4", "onnx_q8", "onnx_q4-32", "onnx_q4-v3", "onnx_fp32")
    ]
    assert known == [OWN] * 3 + ["transformers.js/wasm"] * 2
    with pytest.raises(EngineFailure, match="not one that this engine computes"), BrowserRuntime(OWN, tiny_web):
        pass


def test_the_page_takes_it_measures_threads_and_remembers(taught: Folders) -> None:
    with running({"model": taught[0]}) as server, launch(webgpu="software") as browser:
        page = browser.new_context().new_page()
        first = visit(page, server.url)
        assert (first["engine"], first["fallback_reason"]) == ("pocketmoji", None)
        assert page.inner_text("#badge") == "Own engine · WASM"
        assert first["adapter"]["is_fallback"] and first["choice"]["threads"] == first["threads"]
        assert "wasm, 1 thread" in first["measured"] and "webgpu" not in first["measured"]
        again = visit(page, server.url)
        assert again["choice"] == first["choice"] and again["measured"] == {}
        slower = visit(page, server.url + "?engine=transformers.js&device=wasm")
        assert (slower["engine"], slower["device"], slower["choice"]) == ("transformers.js", "wasm", None)


def test_nothing_hangs_on_storage(taught: Folders) -> None:
    script = (
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }});"
    )
    with running({"model": taught[0]}) as server, launch(webgpu="off") as browser:
        page = browser.new_context().new_page()
        page.add_init_script(script)
        for _ in range(2):
            assert visit(page, server.url)["measured"]


def visit(page: Any, address: str) -> dict[str, Any]:
    page.goto(address)
    page.wait_for_selector("#badge:not([hidden])", timeout=120_000)
    info: dict[str, Any] = page.evaluate("window.pocketmoji.info()")
    return info
