"""The app and its answers in Firefox, which has no WebGPU everywhere: `make test-browsers`.

Driven by puppeteer-core through WebDriver BiDi, which Mozilla and the Puppeteer team keep together; it speaks to Firefox
itself, without a driver program. Playwright's own BiDi channel is experimental, and opens no page in Firefox ESR.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.browser_tests.app.node import find_node
from pocketmoji.browser_tests.app.server import Server
from pocketmoji.core.records import Prediction

pytestmark = pytest.mark.browser
FOLDER = Path(__file__).with_name("firefox")
NAMES = ("firefox-esr", "firefox")


@pytest.fixture(scope="session")
def firefox() -> str:
    found = os.environ.get("POCKETMOJI_FIREFOX") or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        pytest.skip("no Firefox here: apt-get install firefox-esr, or POCKETMOJI_FIREFOX=/path/to/firefox")
    if not (FOLDER / "node_modules/puppeteer-core").is_dir():
        pytest.skip("puppeteer-core is not installed: make test-browsers")
    return str(found)


def ask(firefox: str, address: str, *texts: str) -> dict[str, Any]:
    node = find_node()
    command = [str(node.program), "ask.mjs", firefox, address, *texts]
    done = subprocess.run(
        command, cwd=FOLDER, env=node.environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_answers_as_python_does(firefox: str, server: Server, in_python: list[Prediction]) -> None:
    texts = [prediction.text for prediction in in_python[:2]]
    found = ask(firefox, server.url + "?threads=1", *texts)
    assert found["problem"] is None and found["errors"] == []
    assert found["browser"].lower().startswith("firefox")
    assert [(a["text"], a["tokens"]) for a in found["answers"]] == [(p.text, p.tokens) for p in in_python[:2]]
    info = found["info"]
    assert info["device"] == "wasm" and info["kept"] == "kept" and info["cross_origin_isolated"]
    assert info["fallback_reason"]


def test_a_failure_in_words(firefox: str, server: Server) -> None:
    found = ask(firefox, server.url + "?model=nobody")
    assert "The model is not there" in found["problem"]
