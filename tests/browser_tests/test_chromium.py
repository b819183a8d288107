"""Finding Chromium, and what is said where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pocketmoji.browser_tests.engines import chromium, installed
from pocketmoji.browser_tests.engines.chromium import has_gpu, last_words, launch, probe_webgpu
from pocketmoji.browser_tests.engines.installed import VARIABLE, find_chromium, is_headless_shell
from pocketmoji.core.errors import MachineError


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without any browser."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "playwright"))
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_none_says_what_to_install(bare: Path) -> None:
    with pytest.raises(MachineError) as raised:
        find_chromium()
    message = str(raised.value)
    assert "no Chromium" in message
    assert "playwright install chromium" in message and "apt-get install chromium" in message and VARIABLE in message


def test_order(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = program(bare / "chromium")
    assert find_chromium() == system
    own = program(bare / "playwright/chromium-1234/chrome-linux/chrome")
    assert find_chromium() == own
    named = program(bare / "elsewhere/chrome")
    monkeypatch.setenv(VARIABLE, str(named))
    assert find_chromium() == named
    explicit = program(bare / "explicit/chrome")
    assert find_chromium(explicit) == explicit


def test_a_wrong_path_is_named_and_nothing_else_is_taken(bare: Path) -> None:
    program(bare / "chromium")
    with pytest.raises(MachineError, match=r"no/such/chrome"):
        find_chromium(Path("no/such/chrome"))


def test_a_program_that_is_no_browser(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="does not start"):
        probe_webgpu(program(tmp_path / "chrome"))


@pytest.mark.browser
def test_webgpu_adapter() -> None:
    adapter = probe_webgpu()
    assert adapter is not None, "this machine's Chromium has no WebGPU adapter, not even a software one"
    assert adapter.vendor and adapter.features and adapter.limits["maxBufferSize"] > 0


@pytest.mark.browser
def test_no_webgpu_adapter() -> None:
    assert probe_webgpu(webgpu="off") is None


def test_the_plugin_costs_nothing_to_import() -> None:
    heavy = "('playwright', 'torch', 'onnxruntime', 'pydantic')"
    code = f"import sys, pocketmoji.browser_tests.plugin; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_headless_shell_is_told_by_its_name(tmp_path: Path) -> None:
    shell = program(tmp_path / "chromium-headless-shell/chrome-headless-shell")
    (tmp_path / "chrome").symlink_to(shell)
    assert is_headless_shell(shell) and is_headless_shell(tmp_path / "chrome")
    assert not is_headless_shell(program(tmp_path / "chromium"))


@pytest.mark.browser
def test_a_software_adapter_is_no_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    from pocketmoji.cli import main

    if has_gpu():
        pytest.skip("this machine may have a GPU")
    assert main(["doctor", "--require-gpu"]) == 2
    said = capsys.readouterr().err
    assert "a GPU is required" in said and "swiftshader (software)" in said and "/dev/nvidia*" in said


@pytest.mark.browser
def test_a_browser_that_goes_away_has_last_words() -> None:
    from playwright.sync_api import Error

    with launch(webgpu="off") as browser:
        page = browser.new_page()
        with pytest.raises(Error):
            page.goto("chrome://inducebrowsercrashforrealz")
            page.wait_for_timeout(2000)
        assert isinstance(last_words(browser), list)


@pytest.mark.browser
def test_a_gpu_that_gives_its_adapter_late_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """While its GPU process started, an H200's Chromium gave none: the first answer is not the last word."""
    late = """async () => { window.asked = (window.asked ?? 0) + 1;
      return window.asked < 3 ? null : {vendor: 'v', architecture: 'a', description: '', is_fallback: false,
                                        features: [], limits: {}}; }"""
    started: list[str] = []
    real = chromium._start
    monkeypatch.setattr(chromium, "ASK", late)
    monkeypatch.setattr(chromium, "has_gpu", lambda: True)
    monkeypatch.setattr(chromium, "_start", lambda *given: started.append(given[2]) or real(*given))
    with launch():
        assert started == ["hardware"]


def test_a_machine_without_fonts_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert installed.why_it_died() == "" or not installed.has_fonts()
    monkeypatch.setattr(installed, "FONTS", (tmp_path,))
    assert "fontconfig" in installed.why_it_died()
    (tmp_path / "truetype").mkdir()
    (tmp_path / "truetype/Some.TTF").touch()
    assert installed.has_fonts() and installed.why_it_died() == ""
