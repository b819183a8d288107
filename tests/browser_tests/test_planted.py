"""A fast part of benchmarks/browser_faults.py: each fault by the part of the test that must catch it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pocketmoji.browser_tests.check import browser_test
from pocketmoji.browser_tests.checks.claims import check_claims
from pocketmoji.browser_tests.checks.files import check_files
from pocketmoji.browser_tests.checks.findings import Finding
from pocketmoji.browser_tests.engines.runtimes import Page
from pocketmoji.core.config import BrowserConfig
from pocketmoji.core.records import EvaluationText, Prediction, read_jsonl
from pocketmoji.evaluate.runtimes.onnx_runtime import OnnxRuntime
from tests.browser_tests.planted import ENGINES, PLANTS
from tests.browser_tests.taught import NEW_TOKENS, STOP

IN_FILES = [name for name, fault in PLANTS.items() if next(iter(fault.says)).startswith("file:")]
IN_ENGINE = [name for name, fault in PLANTS.items() if set(ENGINES) <= fault.says.keys()]
IN_CLAIMS = ["COOP and COEP missing", "typed text stored"]
Folders = tuple[Path, Path]


@pytest.fixture
def planted(taught: Folders, tmp_path: Path) -> Callable[[str], tuple[Path, Page]]:
    """planted(name): a broken copy of the web folder, and the page to test it with."""

    def plant(name: str) -> tuple[Path, Page]:
        web = shutil.copytree(taught[0], tmp_path / "web")
        return web, PLANTS[name].plant(web, Page(), tmp_path)

    return plant


def tuned_of(taught: Folders) -> list[Prediction]:
    return read_jsonl(taught[1] / "tuned.predictions.jsonl", Prediction)


def failed(findings: list[Finding]) -> dict[str, str]:
    return {f.check: f.reason or "" for f in findings if f.status == "failed"}


def test_there_are_enough() -> None:
    assert len(PLANTS) >= 15


def test_clean_files(taught: Folders) -> None:
    assert [f.status for f in check_files(taught[0], tuned_of(taught), taught[0])] == ["passed"] * 5


@pytest.mark.parametrize("name", IN_FILES)
def test_in_files(planted: Callable[[str], tuple[Path, Page]], taught: Folders, name: str) -> None:
    web, _ = planted(name)
    found = failed(check_files(web, tuned_of(taught), taught[0]))
    ((check, says),) = PLANTS[name].says.items()
    assert says in found[check]


def test_files_of_another_training_are_no_fault(taught: Folders, tiny_web: Path) -> None:
    """The untaught model in 32-bit floats as baseline: other tensors, so nothing can be said of single ones."""
    found = {f.check: f for f in check_files(taught[0], tuned_of(taught), tiny_web)}
    assert found["file: weights as the baseline's"].status == "not verifiable here"


@pytest.mark.browser
@pytest.mark.parametrize("name", IN_ENGINE)
def test_in_engine(planted: Callable[[str], tuple[Path, Page]], taught: Folders, tmp_path: Path, name: str) -> None:
    web, page = planted(name)
    texts = read_jsonl(taught[1] / "texts.jsonl", EvaluationText)[:2]
    config = BrowserConfig(transformers_texts=1, webgpu_texts=0, mediapipe_texts=0, logit_texts=1)
    limit = PLANTS[name].text_limit_s
    report = browser_test(web, texts, {}, config, tmp_path / "out", text_limit_s=limit, page=page, keep_evidence=True)
    for engine, says in PLANTS[name].says.items():
        assert report.engines[engine].status == "failed" and says in (report.engines[engine].reason or "")
    if name == "page never answers":
        kept = {path.name for path in (tmp_path / "out/evidence/pocketmoji-wasm").iterdir()}
        assert kept == {"console.txt", "screenshot.png", "trace.zip"}


@pytest.mark.browser
def test_a_file_that_python_refuses(
    planted: Callable[[str], tuple[Path, Page]], taught: Folders, tmp_path: Path
) -> None:
    """The page's own engine has a cache of its own and runs it all the same: nothing falls, and it is said."""
    web, page = planted("wrong KV dimension")
    texts = read_jsonl(taught[1] / "texts.jsonl", EvaluationText)[:1]
    config = BrowserConfig(transformers_texts=0, webgpu_texts=0, mediapipe_texts=0, logit_texts=1)
    engine = browser_test(web, texts, {}, config, tmp_path / "out", page=page).engines["pocketmoji/wasm"]
    assert engine.status == "failed" and "Python's ONNX Runtime does not run the file" in (engine.reason or "")


@pytest.mark.browser
@pytest.mark.parametrize("name", IN_CLAIMS)
def test_in_claims(planted: Callable[[str], tuple[Path, Page]], name: str) -> None:
    web, page = planted(name)
    ((check, says),) = PLANTS[name].says.items()
    assert says in failed(check_claims(web, options=page, limit_s=60))[check]


def test_python_knows_the_answers(taught: Folders) -> None:
    """What the faults are planted into is a model that is right."""
    web, _ = taught
    texts = read_jsonl(taught[1] / "texts.jsonl", EvaluationText)
    runtime = OnnxRuntime(web / "onnx/model_quantized.onnx", web, [STOP], NEW_TOKENS, batch_size=1)
    assert [p.raw for p in runtime.predict([t.text for t in texts])] == [t.emoji for t in texts]
