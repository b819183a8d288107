"""The tiny model in the real page in a real Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.browser_tests.engines.runtimes import BrowserRuntime, EngineFailure, Page
from pocketmoji.core.errors import MachineError
from pocketmoji.core.records import Prediction
from pocketmoji.core.text.emoji import is_compliant
from pocketmoji.core.workspace import read_json, write_json
from tests.browser_tests.conftest import TEXTS

pytestmark = pytest.mark.browser


@pytest.fixture
def broken(tiny_web: Path, tmp_path: Path) -> Path:
    """A copy of the web folder, to break."""
    return shutil.copytree(tiny_web, tmp_path / "web")


def test_wasm_answers_as_python_does(browser_runtime: BrowserRuntime, in_python: list[Prediction]) -> None:
    seen: list[int] = []
    found = browser_runtime.predict([text.text for text in TEXTS], seen.append)
    assert [(p.text, p.tokens, p.stopped) for p in found] == [(p.text, p.tokens, p.stopped) for p in in_python]
    whole = [(p.raw, q.raw) for p, q in zip(found, in_python, strict=True) if "\ufffd" not in p.raw + q.raw]
    assert whole and all(browser == python for browser, python in whole)
    assert seen == [1] * len(TEXTS)
    assert all(p.ttft_ms and p.tokens_per_s and p.seconds > 0 for p in found)
    timing = browser_runtime.timing()
    assert timing.load_s > 0 and timing.ttft_ms_p50 > 0 and timing.adapter.startswith("WASM")


def test_page_knows_where_it_runs(browser_runtime: BrowserRuntime) -> None:
    info = browser_runtime.info
    assert (info.device, info.file, info.dtype) == ("wasm", "onnx/model.onnx", "fp32")
    assert info.cross_origin_isolated and info.threads >= 1 and info.fallback_reason is None
    assert info.bytes == (browser_runtime.model_folder / info.file).stat().st_size


def test_nothing_leaves_the_origin(browser_runtime: BrowserRuntime) -> None:
    browser_runtime.predict(["hi"])
    foreign = [address for address in browser_runtime.requests if not address.startswith(browser_runtime.url)]
    assert len(browser_runtime.requests) > 5 and foreign == []


def test_what_the_page_says_of_its_memory(tiny_web: Path) -> None:
    """The real call answers within a minute; this page's does at once."""
    script = "performance.measureUserAgentSpecificMemory = async () => ({bytes: 5e7});"
    with BrowserRuntime("transformers.js/wasm", tiny_web, page=Page(script=script)) as runtime:
        assert runtime.page_memory_mb() == 50
        assert (runtime.memory_mb() or 51) > 50


def test_stops_where_the_card_says(broken: Path, in_python: list[Prediction]) -> None:
    card = read_json(broken / "pocketmoji.json")
    stop = in_python[0].tokens[2]
    write_json(broken / "pocketmoji.json", card | {"stop_token_ids": [stop]})
    with BrowserRuntime("transformers.js/wasm", broken) as runtime:
        (answer,) = runtime.predict([TEXTS[0].text])
    until = in_python[0].tokens.index(stop)
    assert (answer.tokens, answer.stopped) == (in_python[0].tokens[: until + 1], True)


def test_webgpu_answers_as_python_does(tiny_web: Path, in_python: list[Prediction]) -> None:
    with BrowserRuntime("transformers.js/webgpu", tiny_web) as runtime:
        assert runtime.info.device == "webgpu" and runtime.info.adapter is not None
        (answer,) = runtime.predict([TEXTS[0].text])
    assert answer.tokens == in_python[0].tokens


@pytest.mark.parametrize("engine", ["transformers.js/webgpu", "mediapipe/webgpu"])
def test_no_adapter_is_an_error_and_no_reason_for_wasm(tiny_web: Path, engine: Any) -> None:
    with pytest.raises(MachineError, match="no WebGPU adapter"), BrowserRuntime(engine, tiny_web, webgpu="off"):
        pass


def test_a_truncated_model_is_named(broken: Path) -> None:
    model = broken / "onnx/model.onnx"
    model.write_bytes(model.read_bytes()[:100_000])
    with (
        pytest.raises(EngineFailure, match=r"onnx/model\.onnx does not load"),
        BrowserRuntime("transformers.js/wasm", broken),
    ):
        pass


def test_a_missing_model_is_named(broken: Path) -> None:
    (broken / "onnx/model.onnx").unlink()
    with (
        pytest.raises(EngineFailure, match=r"onnx/model\.onnx is not there"),
        BrowserRuntime("transformers.js/wasm", broken),
    ):
        pass


def test_an_answer_that_never_comes(tiny_web: Path) -> None:
    runtime = BrowserRuntime("transformers.js/wasm", tiny_web, text_limit_s=0.001)
    with runtime, pytest.raises(EngineFailure, match="nothing within"):
        runtime.predict(["what a fun party"])


@pytest.fixture(scope="module")
def page(tiny_web: Path) -> Iterator[Any]:
    from pocketmoji.browser_tests.app.server import running
    from pocketmoji.browser_tests.engines.chromium import launch

    with running({"model": tiny_web}) as server, launch(webgpu="off") as browser:
        permissions = ["clipboard-read", "clipboard-write"]
        page = browser.new_context(permissions=permissions).new_page()
        page.goto(server.url)
        yield page


class TestPage:
    """What a person sees, with WASM standing in where there is no WebGPU."""

    def test_fallback_is_told(self, page: Any) -> None:
        page.wait_for_selector("#badge:not([hidden])")
        assert page.inner_text("#badge") == "Transformers.js · WASM"
        assert "no WebGPU adapter" in page.inner_text("#notice")

    def test_three_distinct_answers_and_copying_by_key(self, page: Any) -> None:
        page.wait_for_selector("#badge:not([hidden])")
        page.fill("#text", "what a fun party")
        page.press("#text", "Enter")
        page.wait_for_selector("#candidates[aria-busy=false] button.candidate")
        answers = page.eval_on_selector_all("#candidates .raw", "all => all.map(one => one.textContent)")
        assert len(set(answers)) == 3
        page.keyboard.press("2")  # the first answer took the focus from the text
        page.wait_for_selector(".candidate.copied")
        assert page.evaluate("navigator.clipboard.readText()") == answers[1]
        assert page.inner_text("#status").startswith("Copied")

    def test_the_grammar_leaves_nothing_but_emoji(self, page: Any) -> None:
        """The tiny model babbles; how the page shows an answer that is none is in tests/demo/test_page.py."""
        assert all(is_compliant(answer) for answer in page.locator("#candidates .raw").all_inner_texts())
        assert page.locator("#candidates .faulty").count() == 0

    def test_fits_a_phone(self, page: Any) -> None:
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360

    def test_a_device_that_was_asked_for_is_not_replaced(self, page: Any) -> None:
        page.goto(page.url.split("?")[0] + "?device=webgpu")
        page.wait_for_selector("#problem:not([hidden])")
        assert page.inner_text("#problem-title") == "No WebGPU here"
        assert page.get_attribute("#other-device", "href") == "?model=model&device=wasm"
        assert page.evaluate("window.pocketmoji.info()") is None


@pytest.mark.parametrize("whole", [True, False])
def test_what_died_before_the_page_had_started(tiny_web: Path, whole: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The true cause and the seconds that passed, never a limit that was not reached."""
    from pocketmoji.browser_tests.engines import installed, runtimes

    monkeypatch.setattr(installed, "FONTS", ())  # as on a server that never showed a text
    real = runtimes.BrowserRuntime._open

    def dies(self: BrowserRuntime, address: str) -> None:
        self._browser.close() if whole else self.page.close()
        real(self, address)

    monkeypatch.setattr(runtimes.BrowserRuntime, "_open", dies)
    with pytest.raises(runtimes.BrowserDied) as raised, BrowserRuntime("transformers.js/wasm", tiny_web, webgpu="off"):
        pass
    said = str(raised.value)
    assert ("the whole browser died" if whole else "the page died") in said
    assert "before the page had started, after 0." in said and "closed" in said and "30 s" not in said
    assert "no fonts" in said and "fonts-dejavu-core" in said
