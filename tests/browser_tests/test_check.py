"""The whole check on the tiny model: outputs, comparison with Python, what is kept after an interruption."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pocketmoji.browser_tests.check import browser_test, few
from pocketmoji.browser_tests.engines.chromium import AdapterInfo
from pocketmoji.browser_tests.engines.runtimes import BrowserRuntime, EngineFailure
from pocketmoji.core.config import BrowserConfig
from pocketmoji.core.records import EvaluationText, Prediction, Scores, read_jsonl
from pocketmoji.core.workspace import read_json, write_json
from tests.browser_tests.conftest import TEXTS

pytestmark = pytest.mark.browser
WASM = "transformers.js/wasm"
ONLY_WASM = BrowserConfig(webgpu_texts=0, logit_texts=0)


def test_both_devices(tiny_web: Path, in_python: list[Prediction], tmp_path: Path) -> None:
    config = BrowserConfig(webgpu_texts=1, logit_texts=2)
    report = browser_test(tiny_web, TEXTS, {"onnx": in_python}, config, tmp_path)
    assert report.passed and report.chromium
    wasm, webgpu = report.engines[WASM], report.engines["transformers.js/webgpu"]
    assert (wasm.status, wasm.parity, wasm.texts, wasm.artefact) == ("passed", 1, len(TEXTS), "onnx_fp32")
    assert wasm.logits is not None and wasm.logits.texts == 2 and wasm.logits.largest_distance < 0.01
    assert (webgpu.status, webgpu.parity, webgpu.texts) == ("passed", 1, 1)
    assert webgpu.logits is not None and webgpu.logits.largest_distance < 0.01  # nothing in this file may be rounded
    assert webgpu.adapter is not None and webgpu.timing is not None and webgpu.timing.ttft_ms_p50 > 0
    assert read_json(tmp_path / "browser.json")["engines"][WASM]["scores"]["n"] == len(TEXTS)
    predictions = read_jsonl(tmp_path / "transformers.js-wasm.predictions.jsonl", Prediction)
    assert [p.tokens for p in predictions] == [p.tokens for p in in_python]
    scores = Scores.model_validate_json((tmp_path / "transformers.js-wasm.scores.json").read_text("utf-8"))
    assert scores.parity is not None and scores.parity.value == 1
    for name in ("junit.xml", "screenshot.png", "screenshot_phone.png"):
        assert (tmp_path / name).stat().st_size > 500
    assert not list(tmp_path.glob("*.partial.jsonl"))


def test_wasm_answers_the_beginning_of_a_long_list(tiny_web: Path, in_python: list[Prediction], tmp_path: Path) -> None:
    config = ONLY_WASM.model_copy(update={"wasm_texts": 2})
    report = browser_test(tiny_web, TEXTS, {"transformers.js": in_python}, config, tmp_path)
    assert (report.engines[WASM].texts, report.of_texts) == (2, len(TEXTS))
    said = read_jsonl(tmp_path / "transformers.js-wasm.predictions.jsonl", Prediction)
    assert [one.text for one in said] == [text.text for text in TEXTS[:2]]
    assert "What people type" in (tmp_path / "browser.html").read_text("utf-8")


def test_a_few_texts_are_short_ones_of_each_group() -> None:
    texts = [
        EvaluationText(text=text, emoji=emoji, seed_id=text, group=group)
        for text, emoji, group in (
            ("a long seed", "🎉", "seed"),
            ("seed", "🎉", "seed"),
            ("its", "🎉🥳", "seed"),
            ("paraphrase", "🎉🥳", "paraphrase"),
            ("of an untrained seed", "🎉", "heldout_seed"),
        )
    ]
    assert [text.text for text in few(texts, 3)] == ["seed", "paraphrase", "of an untrained seed"]
    assert few(texts, 5) == texts and few(texts, 0) == []


def test_other_answers_than_in_python_fail(tiny_web: Path, in_python: list[Prediction], tmp_path: Path) -> None:
    other = [p.model_copy(update={"raw": "🎉", "tokens": [9, 1]}) for p in in_python]
    report = browser_test(tiny_web, TEXTS, {"onnx": other}, ONLY_WASM, tmp_path)
    wasm = report.engines[WASM]
    assert (wasm.status, wasm.parity, report.passed) == ("failed", 0, False)
    assert wasm.reason == "4 of 4 answers differ from Python's with the same onnx_fp32"
    assert [d.python for d in wasm.differences] == ["🎉"] * 4


def test_a_difference_of_pythons_own_making_is_explained(
    tiny_web: Path, in_python: list[Prediction], tmp_path: Path
) -> None:
    """Two answers of four that Python does not give again when it computes without rounding, as the browser does: more
    than may differ for no reason."""
    rounded = [one.model_copy(update={"raw": "🎉", "tokens": [9, 1]}) for one in in_python[:2]] + in_python[2:]
    report = browser_test(tiny_web, TEXTS, {"onnx": rounded}, ONLY_WASM, tmp_path)
    wasm = report.engines[WASM]
    assert (wasm.status, wasm.parity, wasm.explained, wasm.differences) == ("passed", 1, 2, [])


def test_goes_on_where_it_was_interrupted(
    tiny_web: Path, in_python: list[Prediction], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = BrowserRuntime.predict

    def predict(self: BrowserRuntime, texts: list[str], progress: object = None) -> list[Prediction]:
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.extend(texts)
        return real(self, texts)

    monkeypatch.setattr(BrowserRuntime, "predict", predict)
    with pytest.raises(KeyboardInterrupt):
        browser_test(tiny_web, TEXTS, {}, ONLY_WASM, tmp_path)
    partial = tmp_path / "predictions.transformers.js-wasm.partial.jsonl"
    partial.write_text(partial.read_text("utf-8")[:-20], "utf-8")  # killed in the middle of a line

    asked.clear()
    monkeypatch.setattr(BrowserRuntime, "predict", lambda self, texts: asked.extend(texts) or real(self, texts))
    report = browser_test(tiny_web, TEXTS, {"onnx": in_python}, ONLY_WASM, tmp_path)
    assert asked == [text.text for text in TEXTS[1:]]
    assert (report.engines[WASM].status, report.engines[WASM].parity) == ("passed", 1)


@pytest.fixture
def with_task(tiny_web: Path, tmp_path: Path) -> Path:
    """A web folder that says it has a .task file, and has not."""
    web = shutil.copytree(tiny_web, tmp_path / "web")
    write_json(web / "pocketmoji.json", read_json(web / "pocketmoji.json") | {"task_file": "model.task"})
    return web


def test_a_missing_task_file_is_a_failure(with_task: Path, tmp_path: Path) -> None:
    mediapipe = browser_test(with_task, TEXTS[:1], {}, ONLY_WASM, tmp_path / "out").engines["mediapipe/webgpu"]
    assert mediapipe.status == "failed" and "model.task is not there" in (mediapipe.reason or "")


def test_a_task_file_that_is_none_is_a_failure(with_task: Path, tmp_path: Path) -> None:
    (with_task / "model.task").write_bytes(b"no bundle at all")
    mediapipe = browser_test(with_task, TEXTS[:1], {}, ONLY_WASM, tmp_path / "out").engines["mediapipe/webgpu"]
    assert mediapipe.status == "failed" and mediapipe.reason and mediapipe.scores is None


def test_mediapipe_that_breaks_on_an_adapter_without_half_precision(
    with_task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading and answering are played here: the model's answers are tested where there is a real .task."""
    broken = EngineFailure("DetokenizerCalculator: id >= 0")
    adapter = AdapterInfo(
        vendor="google", architecture="swiftshader", description="", is_fallback=True, features=[], limits={}
    )

    def enter(self: BrowserRuntime) -> BrowserRuntime:
        self.adapter, self.loaded = adapter, True
        raise broken

    real = BrowserRuntime.__enter__
    monkeypatch.setattr(BrowserRuntime, "__enter__", lambda self: (enter if "media" in self.name else real)(self))
    report = browser_test(with_task, TEXTS[:1], {}, ONLY_WASM, tmp_path / "out")
    mediapipe = report.engines["mediapipe/webgpu"]
    assert (mediapipe.status, mediapipe.needs) == ("not verifiable here", "a GPU whose WebGPU adapter has shader-f16")
    assert report.passed and "id &gt;= 0" in (tmp_path / "out/junit.xml").read_text("utf-8")


def test_a_browser_that_dies_is_started_again(
    tiny_web: Path, in_python: list[Prediction], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, deaths = BrowserRuntime.predict, [2]

    def predict(self: BrowserRuntime, texts: list[str]) -> list[Prediction]:
        if texts[0] == TEXTS[2].text and deaths:
            deaths.pop()
            self.page.context.browser.close()
        return real(self, texts)

    monkeypatch.setattr(BrowserRuntime, "predict", predict)
    report = browser_test(tiny_web, TEXTS, {"onnx": in_python}, ONLY_WASM, tmp_path)
    wasm = report.engines[WASM]
    assert (wasm.status, wasm.parity, deaths) == ("passed", 1, [])
    assert wasm.console[0].startswith("the browser died after 2 of 4 texts")
