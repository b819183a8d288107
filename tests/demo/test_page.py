"""What a person sees: states, keys, settings; each state without a fault that axe-core knows."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.demo.conftest import INFO

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
Violations = Callable[[Any], list[str]]
LARGEST_PAGE = 200_000  # bytes, compressed


def ask(page: Any, text: str = "what a fun party") -> list[str]:
    """Types a text; the raw answers."""
    page.wait_for_selector("#badge:not([hidden])")
    page.fill("#text", text)
    page.press("#text", "Enter")
    page.wait_for_selector("#candidates[aria-busy=false] button.candidate")
    raw: list[str] = page.eval_on_selector_all("button.candidate", "all => all.map(one => one.dataset.raw)")
    return raw


def check_both_schemes(page: Any, violations: Violations) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == [], scheme


def test_loading(new_page: Open, violations: Violations) -> None:
    page = new_page(download={"file": "onnx/model.onnx", "loaded": 4_000_000, "total": 127_000_000})
    page.wait_for_selector("#loading:not([hidden])")
    page.wait_for_function("document.getElementById('loading-bytes').textContent")
    assert page.inner_text("#loading-bytes") == "4.0 MB of 127 MB"
    page.fill("#text", "early")
    page.press("#text", "Enter")
    assert "as soon as the model is here" in page.inner_text("#status")
    check_both_schemes(page, violations)


def test_answers(new_page: Open, violations: Violations) -> None:
    page = new_page(answers=["🎉🥳", "🎶", "👍1"])
    assert ask(page) == ["🎉🥳", "🎶", "👍1"]
    faulty = page.locator("#candidates .faulty")
    assert faulty.count() == 1  # shown as the model said it, and called what it is
    assert faulty.inner_text().startswith("👍1") and "Not only emoji" in faulty.inner_text()
    check_both_schemes(page, violations)


def test_keys_only(new_page: Open) -> None:
    page = new_page(answers=["🎉🥳", "🎶", "🪩"])
    page.wait_for_selector("#badge:not([hidden])")
    page.keyboard.type("what a fun party")  # the field has the focus from the start
    page.keyboard.press("Enter")
    page.wait_for_selector("#candidates[aria-busy=false] button.candidate")
    page.keyboard.press("2")
    page.wait_for_selector(".candidate.copied")
    assert page.evaluate("navigator.clipboard.readText()") == "🎶"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "text"
    reached = []
    for _ in range(10):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.className || document.activeElement.id || document.activeElement.name"))
    assert {"go", "candidate", "tone", "keep-history"} <= set(reached)


def test_skin_tone(new_page: Open) -> None:
    page = new_page(answers=["👍🎉", "🤦‍♀️", "👍x"])
    ask(page)
    page.check("input[name=tone][value='\U0001f3fd']", force=True)
    assert page.eval_on_selector_all(".raw", "all => all.map(one => one.textContent)") == ["👍🏽🎉", "🤦🏽‍♀️", "👍x"]
    # What is judged and compared stays what the model said.
    assert page.eval_on_selector_all("button.candidate", "all => all.map(o => o.dataset.raw)") == ["👍🎉", "🤦‍♀️", "👍x"]
    assert "in your skin tone" in page.inner_text("#candidates")
    page.reload()
    assert ask(page)[0] == "👍🎉"
    assert page.inner_text(".raw >> nth=0") == "👍🏽🎉"  # remembered


def test_history_only_when_asked_for(new_page: Open, violations: Violations) -> None:
    page = new_page(answers=["🎉"])
    stored = "JSON.stringify({...localStorage, ...sessionStorage})"
    ask(page, "a secret party")
    assert "secret" not in page.evaluate(stored)
    page.check("#keep-history")
    ask(page, "a known party")
    page.reload()
    page.click("#history summary")
    assert page.inner_text("#history-list") == "🎉 a known party"
    check_both_schemes(page, violations)
    page.click("#history-list button")
    page.wait_for_selector("#candidates[aria-busy=false] button.candidate")
    page.click("#empty-history")
    assert "known" not in page.evaluate(stored) and page.locator("#history").is_hidden()


FAILURES = {
    "no WebGPU adapter: this browser gives none, and WebGPU was asked for": "No WebGPU here",
    "models/model/onnx/model.onnx does not load: failed to allocate a buffer of size 4294967296": "Not enough memory",
    "QuotaExceededError: the quota has been exceeded": "This browser's storage is full",
    "models/model/onnx/model.onnx does not load: protobuf parsing failed": "The model file cannot be read",
    "models/model/onnx/model.onnx is not there: the server answered 404": "The model is not there",
    "models/model/onnx/model.onnx: the download broke off at 8.0 of 127.4 MB: network": "The connection broke",
    "models/model/onnx/model.onnx: the server cannot be reached, and the model is not kept": "No connection",
}


@pytest.mark.parametrize("error", FAILURES)
def test_failure(new_page: Open, violations: Violations, error: str) -> None:
    page = new_page(fail={"load": error})
    page.wait_for_selector("#problem:not([hidden])")
    assert page.inner_text("#problem-title") == FAILURES[error]
    page.click("#problem summary")
    assert page.inner_text("#problem-detail") == error
    assert page.is_visible("#other-device") == (FAILURES[error] == "No WebGPU here")
    check_both_schemes(page, violations)


def test_worker_that_crashes(new_page: Open, violations: Violations) -> None:
    page = new_page(crash="load", message="unreachable")
    page.wait_for_selector("#problem:not([hidden])")
    assert page.inner_text("#problem-title") == "The model stopped"
    check_both_schemes(page, violations)


def test_worker_that_crashes_while_it_answers(new_page: Open, violations: Violations) -> None:
    page = new_page(crash="answer", message="unreachable")
    page.wait_for_selector("#badge:not([hidden])")
    page.fill("#text", "hi")
    page.press("#text", "Enter")
    page.wait_for_selector("#problem:not([hidden])")
    assert page.inner_text("#problem-title") == "The model stopped"
    assert page.locator("#candidates li").count() == 0
    check_both_schemes(page, violations)


def test_storage_that_is_full_is_told(new_page: Open, violations: Violations) -> None:
    page = new_page(info=INFO | {"kept": "storage full"})
    page.wait_for_selector("#notice:not([hidden])")
    assert "storage is full" in page.inner_text("#notice")
    check_both_schemes(page, violations)


def test_wrong_address(new_page: Open, server: Any, violations: Violations) -> None:
    page = new_page(server.url + "?device=toaster")
    page.wait_for_selector("#problem:not([hidden])")
    assert "?device=toaster: webgpu or wasm is expected" in page.inner_text("#problem-help")
    assert violations(page) == []


def test_weight(demo: Path) -> None:
    """All that a visit loads before a runtime and a model; emoji fonts come only where a device has none."""
    files = [p for p in demo.rglob("*") if p.is_file() and p.suffix != ".woff2" and "runtime" not in p.parts]
    assert 5_000 < sum(len(gzip.compress(path.read_bytes())) for path in files) < LARGEST_PAGE
