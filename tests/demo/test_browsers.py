"""The page in browsers as they are: without storage, with a WebGPU that disappoints, too old. Each answers, or says why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pocketmoji.browser_tests.app.server import Server
from pocketmoji.core.records import Prediction

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
FORBIDDEN = "() => { throw new DOMException('denied', 'SecurityError'); }"
STORAGE = f"""
for (const [place, name] of [[window, 'localStorage'], [window, 'sessionStorage'], [window, 'caches'],
                             [window, 'indexedDB'], [Navigator.prototype, 'serviceWorker']])
  Object.defineProperty(place, name, {{ get: {FORBIDDEN} }});"""
WEBGPU = {
    "throws": "requestAdapter() { throw new Error('no driver'); }",
    "rejects": "async requestAdapter() { throw new Error('no driver'); }",
    "gives null": "async requestAdapter() { return null; }",
    "never settles": "requestAdapter() { return new Promise(() => {}); }",
    "has no info and no device": """async requestAdapter() {
        return { features: new Set(), limits: {}, async requestDevice() { throw new Error('device refused'); } }; }""",
    "never gives a device": """async requestAdapter() {
        return { features: new Set(), limits: {}, requestDevice() { return new Promise(() => {}); } }; }""",
}


def opened(new_page: Open, address: str, script: str) -> Any:
    page = new_page("about:blank")
    page.add_init_script(script)
    page.goto(address)
    page.wait_for_selector("#badge:not([hidden]), #problem:not([hidden])")
    return page


def in_worker(page: Any, script: str) -> None:
    """Runs in the page's worker before its own script does."""

    def answer(route: Any) -> None:
        reply = route.fetch()
        route.fulfill(response=reply, body=script + "\n" + reply.text())

    page.context.route("**/assets/worker-*.js", answer)


def tokens(page: Any) -> list[int]:
    assert page.is_hidden("#problem"), page.text_content("#problem-detail")
    found: list[int] = page.evaluate("window.pocketmoji.answer('what a fun party', {grammar: false}).then(found => found[0].tokens)")
    return found


def test_storage_that_is_forbidden(new_page: Open, server: Server, in_python: list[Prediction]) -> None:
    """The page answers, keeps for this visit what it would have kept, and says so once."""
    page = new_page("about:blank")
    in_worker(page, f"Object.defineProperty(self, 'caches', {{ get: {FORBIDDEN} }});")
    page.add_init_script(STORAGE)
    page.goto(server.url + "?threads=1")
    page.wait_for_selector("#badge:not([hidden]), #problem:not([hidden])")
    assert tokens(page) == in_python[0].tokens
    assert page.evaluate("window.pocketmoji.info().kept") == "storage forbidden"
    assert page.inner_text("#notice").count("does not let the page keep") == 1
    page.check("#keep-history")
    page.fill("#text", "a known party")
    page.press("#text", "Enter")
    page.wait_for_selector("#candidates[aria-busy=false] button.candidate")
    assert page.inner_text("#history-count") == "1"


def test_storage_that_never_answers(new_page: Open, server: Server) -> None:
    page = new_page("about:blank")
    in_worker(page, "caches.open = () => new Promise(() => {});")
    page.goto(server.url + "?threads=1")
    page.wait_for_selector("#badge:not([hidden]), #problem:not([hidden])")
    assert tokens(page) and page.evaluate("window.pocketmoji.info().kept") == "storage forbidden"


@pytest.mark.parametrize("query", ["", "&device=wasm"])
@pytest.mark.parametrize("way", WEBGPU)
def test_webgpu_that_disappoints(
    new_page: Open, server: Server, in_python: list[Prediction], way: str, query: str
) -> None:
    page = new_page("about:blank")
    in_worker(page, f"Object.defineProperty(navigator, 'gpu', {{ value: {{ {WEBGPU[way]} }} }});")
    page.goto(f"{server.url}?threads=1{query}")
    page.wait_for_selector("#badge:not([hidden]), #problem:not([hidden])")
    assert tokens(page) == in_python[0].tokens
    info = page.evaluate("window.pocketmoji.info()")
    assert info["device"] == "wasm" and bool(info["fallback_reason"]) == (not query)


def test_webgpu_that_gives_nothing_at_first(new_page: Open, server: Server) -> None:
    """A GPU process that has just started: an H200's gave an adapter a moment later only."""
    late = """(() => { let asked = 0; return {
        async requestAdapter() { return asked++ < 2 ? null : { features: new Set(), limits: {},
          async requestDevice() { throw new Error('device refused'); } }; } }; })()"""
    page = new_page("about:blank")
    in_worker(page, f"Object.defineProperty(navigator, 'gpu', {{ value: {late} }});")
    page.goto(f"{server.url}?threads=1")
    page.wait_for_selector("#badge:not([hidden]), #problem:not([hidden])")
    assert "device refused" in page.evaluate("window.pocketmoji.info().fallback_reason")


def test_webgpu_that_was_asked_for_and_disappoints(new_page: Open, server: Server) -> None:
    page = new_page("about:blank")
    in_worker(page, f"Object.defineProperty(navigator, 'gpu', {{ value: {{ {WEBGPU['throws']} }} }});")
    page.goto(server.url + "?device=webgpu")
    page.wait_for_selector("#problem:not([hidden])")
    assert page.inner_text("#problem-title") == "No WebGPU here" and page.is_hidden("#retry")
    assert "no driver" in page.text_content("#problem-detail")


def test_regular_expressions_of_before_2023(new_page: Open, server: Server, in_python: list[Prediction]) -> None:
    script = """const Real = RegExp;
      window.RegExp = new Proxy(Real, { construct(kind, [source, flags]) {
        if (flags?.includes('v')) throw new SyntaxError("Invalid flags supplied to RegExp constructor 'v'");
        return new Real(source, flags); } });"""
    page = opened(new_page, server.url + "?threads=1", script)
    assert tokens(page) == in_python[0].tokens


def test_no_literal_that_an_older_browser_cannot_parse(demo: Any) -> None:
    scripts = [path.read_text("utf-8") for path in [*demo.glob("assets/*.js"), demo / "sw.js"]]
    assert scripts and not any("RGI_Emoji}$/v" in script for script in scripts)


@pytest.mark.parametrize("lack", ["delete window.WebAssembly", "delete HTMLScriptElement.prototype.noModule"])
def test_a_browser_that_is_too_old(new_page: Open, server: Server, lack: str, violations: Any) -> None:
    page = opened(new_page, server.url, lack)
    assert page.inner_text("#problem-title") == "This browser is too old for the page"
    assert "Firefox 114" in page.inner_text("#problem-help") and page.is_hidden("#retry")
    assert violations(page) == []


def test_a_script_that_does_not_parse(new_page: Open, server: Server) -> None:
    page = new_page("about:blank")
    page.route("**/assets/index-*.js", lambda route: route.fulfill(body="const = 1", content_type="text/javascript"))
    page.goto(server.url)
    page.wait_for_selector("#problem:not([hidden])")
    assert page.inner_text("#problem-title") == "This browser is too old for the page" and page.is_hidden("#retry")


LOST = """
const INFO = %s;
window.asked = [];
window.Worker = class extends EventTarget {
  postMessage(request) {
    const say = (data) =>
      setTimeout(() => this.dispatchEvent(new MessageEvent('message', { data: { id: request.id, ...data } })));
    if (request.kind === 'load') {
      window.asked.push(request.options.device ?? null);
      this.info = { ...INFO, device: request.options.device ?? 'webgpu' };
      return say({ kind: 'done', result: this.info });
    }
    if (this.info.device === 'webgpu') return say({ id: -1, kind: 'lost', reason: 'driver reset' });
    const answer = { raw: '🎉', tokens: [5, 1], stopped: true, seconds: 1, ttft_ms: 300, tokens_per_s: 4 };
    say({ kind: 'done', result: [answer] });
  }
  terminate() {}
};
"""


@pytest.mark.parametrize("asked_for", [False, True])
def test_a_gpu_that_is_lost(new_page: Open, server: Server, asked_for: bool) -> None:
    """The text is answered on the CPU, unless the GPU was asked for."""
    import json

    from tests.demo.conftest import INFO

    page = opened(new_page, server.url + ("?device=webgpu" if asked_for else ""), LOST % json.dumps(INFO))
    page.fill("#text", "hi")
    page.press("#text", "Enter")
    if asked_for:
        page.wait_for_selector("#problem:not([hidden])")
        assert page.inner_text("#problem-title") == "The GPU stopped" and page.is_visible("#other-device")
    else:
        page.wait_for_selector("#candidates[aria-busy=false] button.candidate")
        assert page.get_attribute("button.candidate", "data-raw") == "🎉"
        assert "the GPU was lost: driver reset" in page.inner_text("#notice")
        assert page.evaluate("window.asked") == [None, "wasm"]
