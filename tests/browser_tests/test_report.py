"""browser.json and junit.xml, without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from pocketmoji.browser_tests.engines.chromium import launch
from pocketmoji.browser_tests.engines.runtimes import engine_timing
from pocketmoji.browser_tests.reports.report import write_report
from pocketmoji.browser_tests.reports.result import BrowserReport, Difference, EngineResult
from pocketmoji.core.records import EvaluationText, Prediction
from pocketmoji.core.workspace import read_json
from pocketmoji.evaluate.scoring.scores import summarise

TEXT = EvaluationText(text="party", emoji="🎉", seed_id="a", group="seed")
PREDICTION = Prediction(text="party", raw="🎉", tokens=[5, 1], stopped=True, seconds=1)


def result(**changes: Any) -> EngineResult:
    values: dict[str, Any] = {
        "engine": "transformers.js/wasm",
        "artefact": "onnx_q8",
        "status": "passed",
        "reason": None,
        "needs": None,
        "texts": 1,
        "adapter": None,
        "scores": summarise([TEXT], [PREDICTION], [PREDICTION]),
        "timing": engine_timing("WASM, 2 threads", 1.5, [PREDICTION]),
        "parity": 1.0,
        "differences": [],
        "console": [],
    }
    return EngineResult(**(values | changes))


def written(folder: Path, **engines: EngineResult) -> tuple[BrowserReport, ElementTree.Element]:
    report = BrowserReport(chromium="156", engines=engines, screenshots=[])
    write_report(report, folder)
    assert read_json(folder / "browser.json")["engines"].keys() == engines.keys()
    return report, ElementTree.parse(folder / "junit.xml").getroot()


def test_passed(tmp_path: Path) -> None:
    report, root = written(tmp_path, wasm=result())
    assert report.passed
    suite = root.find("testsuite")
    assert suite is not None and (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "0", "0")


def test_other_answers_than_in_python_are_listed(tmp_path: Path) -> None:
    difference = Difference(text="party", browser="🍪\x12", python="🎉")
    report, root = written(tmp_path, wasm=result(status="failed", reason="1 of 1", parity=0, differences=[difference]))
    assert not report.passed
    failures = root.findall(".//failure")
    assert len(failures) == 1 and "🍪" in (failures[0].text or "")


def test_a_failure_before_any_answer(tmp_path: Path) -> None:
    _, root = written(tmp_path, wasm=result(status="failed", reason="does not load", scores=None, parity=None))
    (failure,) = root.findall(".//failure")
    assert failure.get("message") == "does not load"


def test_not_verifiable_is_neither_passed_nor_failed(tmp_path: Path) -> None:
    changes = {"status": "not verifiable here", "reason": "id >= 0", "needs": "a GPU", "scores": None, "timing": None}
    report, root = written(tmp_path, mediapipe=result(**changes, parity=None))
    assert report.passed  # nothing failed
    (skipped,) = root.findall(".//skipped")
    assert skipped.get("message") == "not verifiable here: id >= 0; needs a GPU"
    assert not root.findall(".//failure")


def test_a_sample_says_that_it_is_one(tmp_path: Path) -> None:
    report = BrowserReport(chromium="156", engines={"wasm": result(texts=30)}, screenshots=[], of_texts=117)
    write_report(report, tmp_path)
    for name in ("summary.md", "browser.html"):
        assert "30 of 117" in (tmp_path / name).read_text("utf-8")


def test_percentiles_of_the_slow_end() -> None:
    predictions = [PREDICTION.model_copy(update={"ttft_ms": float(i), "tokens_per_s": float(i)}) for i in range(101)]
    timing = engine_timing("cpu", 1, predictions)
    assert (timing.ttft_ms_p50, timing.ttft_ms_p95) == (50, 95)
    assert (timing.tokens_per_s_p50, timing.tokens_per_s_p95) == (50, 5)


@pytest.mark.browser
def test_the_page_on_a_phone_needs_no_scrolling_sideways(tmp_path: Path) -> None:
    reason = "12 of 20 answers differ from Python's with the same onnx_q4: the first diverging token is number 2"
    difference = Difference(text="my cat is sleeping on me and the coffee is cold", browser="🍪", python="🎉")
    written(tmp_path, wasm=result(status="failed", reason=reason, differences=[difference]), webgpu=result())
    with launch(webgpu="off") as browser:
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.goto((tmp_path / "browser.html").as_uri())
        wide = page.evaluate("[...document.querySelectorAll('html, div')].filter(e => e.scrollWidth > e.clientWidth)")
        assert not wide
        narrow = page.evaluate("Math.min(...[...document.querySelectorAll('td:not(:empty)')].map(e => e.clientWidth))")
        assert narrow > 300  # a cell has the line to itself, not a column as narrow as its longest word
