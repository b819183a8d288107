"""The built page in a real Chromium, with the tiny model or with a worker that plays what a test wants to see."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.browser_tests.app.server import Server
from pocketmoji.core.places import DEMO
from tests.browser_tests.conftest import demo, in_python, tiny_web  # noqa: F401  (fixtures)

INFO = {
    "engine": "transformers.js",
    "model": "model",
    "file": "onnx/model.onnx",
    "bytes": 127_449_991,
    "dtype": "q8",
    "device": "webgpu",
    "fallback_reason": None,
    "adapter": None,
    "cross_origin_isolated": True,
    "threads": 2,
    "load_seconds": 1.5,
    "kept": "kept",
    "from_store": False,
    "runtime_version": "4",
}
# Stands in for the model's worker, at the border that protocol.ts describes.
PLAYED = """
const script = %s;
window.Worker = class extends EventTarget {
  postMessage(request) {
    const say = (data) => setTimeout(() => this.dispatchEvent(new MessageEvent('message', { data: { id: request.id, ...data } })));
    if (script.crash === request.kind) {
      setTimeout(() => this.dispatchEvent(new ErrorEvent('error', { message: script.message })));
    } else if (script.fail?.[request.kind]) say({ kind: 'failed', error: script.fail[request.kind] });
    else if (request.kind === 'load' && script.download) say({ kind: 'download', download: script.download });
    else if (request.kind === 'load') say({ kind: 'done', result: script.info });
    else {
      const answers = script.answers.map((raw) => ({ raw, tokens: [5, 1], stopped: true, seconds: 1, ttft_ms: 300, tokens_per_s: 4 }));
      answers.forEach((answer, index) => say({ kind: 'update', update: { index, raw: answer.raw, answer } }));
      say({ kind: 'done', result: answers });
    }
  }
  terminate() {}
};
"""


@pytest.fixture(scope="session")
def browser(demo: Path) -> Iterator[Any]:  # noqa: F811
    from pocketmoji.browser_tests.engines.chromium import launch

    with launch(webgpu="off") as started:
        yield started


@pytest.fixture(scope="session")
def server(tiny_web: Path) -> Iterator[Server]:  # noqa: F811
    from pocketmoji.browser_tests.app.server import running

    with running({"model": tiny_web}) as started:
        yield started


@pytest.fixture
def new_page(browser: Any, server: Server) -> Iterator[Callable[..., Any]]:
    """new_page(**script) opens the page with a played worker; new_page() with the real one."""
    contexts = []

    def open_page(address: str | None = None, **script: Any) -> Any:
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)  # a busy machine takes half a minute to compile a runtime
        if script:
            page.add_init_script(PLAYED % json.dumps({"info": INFO, "answers": []} | script))
        page.goto(address or server.url)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def violations() -> Callable[[Any], list[str]]:
    """What axe-core finds on a page: "rule: element", one per fault."""
    axe = (DEMO / "node_modules/axe-core/axe.min.js").read_text("utf-8")

    def find(page: Any) -> list[str]:
        page.emulate_media(reduced_motion="reduce")  # colours in the middle of a transition are nobody's
        page.evaluate(axe)
        found = page.evaluate("axe.run()")["violations"]
        return [f"{rule['id']}: {node['html'][:120]}" for rule in found for node in rule["nodes"]]

    return find
