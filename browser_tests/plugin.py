"""A pytest plugin: your own model folder in a real browser, in your own tests.

    pytest --pocketmoji-web path/to/web

    def test_party(browser_runtime):
        assert browser_runtime.predict(["what a fun party"])[0].raw == "🎉🥳"

Registered by an entry point, so it is imported in every pytest session: nothing heavy at the top.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from pocketmoji.browser_tests.engines.runtimes import BrowserRuntime

OPTION = "--pocketmoji-web"
ENGINE_OPTION = "--pocketmoji-engine"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("pocketmoji")
    group.addoption(OPTION, type=Path, metavar="DIR", help="the exported model folder to run in the browser")
    group.addoption(
        ENGINE_OPTION,
        metavar="ENGINE",
        help="pocketmoji/wasm, transformers.js/wasm, transformers.js/webgpu or mediapipe/webgpu "
        "(default: what the page takes on a processor)",
    )


@pytest.fixture(scope="session")
def pocketmoji_web(request: pytest.FixtureRequest) -> Path:
    """The model folder that --pocketmoji-web names. Override it to make the folder in a fixture of your own."""
    folder: Path | None = request.config.getoption(OPTION)
    if folder is None:
        raise pytest.UsageError(f"this test needs {OPTION} DIR, a folder that `pocketmoji export` wrote")
    return folder


@pytest.fixture(scope="session")
def browser_runtime(request: pytest.FixtureRequest, pocketmoji_web: Path) -> Iterator[BrowserRuntime]:
    """The model, loaded in Chromium by the engine of --pocketmoji-engine; follows pocketmoji.core.runtime.Runtime."""
    from pocketmoji.browser_tests.app.node import build_demo
    from pocketmoji.browser_tests.checks.files import read_card
    from pocketmoji.browser_tests.engines.runtimes import BrowserRuntime, processor_engine
    from pocketmoji.core.extras import require_extra

    require_extra("browser", what="the fixture browser_runtime")
    build_demo()
    engine = request.config.getoption(ENGINE_OPTION) or processor_engine(read_card(pocketmoji_web))
    with BrowserRuntime(engine, pocketmoji_web) as runtime:
        yield runtime


@pytest.fixture
def emoji_page(browser_runtime: BrowserRuntime) -> Page:
    """The page of `browser_runtime` as Playwright's Page, to type and click in."""
    return browser_runtime.page
