"""Starting a Chromium with WebGPU, by the flags of each kind of machine, and what it says of its adapter."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

from pocketmoji.browser_tests.engines.installed import (
    NO_GPU_IN_SHELL,
    REMEDY,
    find_chromium,
    is_headless_shell,
    why_it_died,
)
from pocketmoji.core.console import say
from pocketmoji.core.errors import MachineError
from pocketmoji.core.records import Record

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

WebGpu = Literal["auto", "hardware", "software", "off"]

# A test browser talks to nobody but the page's own server.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--no-sandbox",  # containers rarely allow Chromium's; the pages are our own
)
SOFTWARE = (
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--enable-features=Vulkan",
    "--use-angle=swiftshader",  # nothing of a GPU's driver, which may crash where there is no display
    # WGSL promises workgroup memory of zeros. SwiftShader is slow at that; without the extension the shader does it.
    "--disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension",
)
# The last two are for a GPU without a display: an H200 gave an adapter with them only, and only to a page that asked
# for high performance.
HARDWARE = (
    "--enable-unsafe-webgpu",
    "--enable-features=Vulkan",
    "--ignore-gpu-blocklist",
    *(("--use-angle=vulkan", "--disable-vulkan-surface") if sys.platform.startswith("linux") else ()),
)
OFF = ("--disable-features=WebGPU,WebGPUService", "--disable-gpu", "--disable-blink-features=WebGPU")

GPU_START_S = 5.0


class AdapterInfo(Record):
    """A WebGPU adapter, as the browser describes it. `is_fallback`: it is software."""

    vendor: str
    architecture: str
    description: str
    is_fallback: bool
    features: list[str]
    limits: dict[str, int]

    @property
    def name(self) -> str:
        """For people: "google swiftshader (software)"."""
        words = [word for word in (self.vendor, self.architecture) if word] or [self.description or "unnamed adapter"]
        return " ".join(words) + (" (software)" if self.is_fallback else "")


def has_gpu() -> bool:
    """False if this machine cannot have a GPU that Chromium could use: asking the browser costs seconds."""
    if not sys.platform.startswith("linux"):
        return True
    return any(Path("/dev").glob("nvidia[0-9]*")) or any(Path("/dev/dri").glob("renderD*"))


# Playwright's driver can run once per thread: a fixture and a runtime that are open at the same time share it.
_driver: Playwright | None = None
_users = 0


@contextmanager
def _playwright() -> Iterator[Playwright]:
    global _driver, _users
    from playwright.sync_api import sync_playwright

    if _driver is None:
        _driver = sync_playwright().start()
    _users += 1
    try:
        yield _driver
    finally:
        _users -= 1
        if _users == 0:
            _driver.stop()
            _driver = None


# What each browser has logged: Playwright tells that one went away, and never why.
_logs: WeakKeyDictionary[Browser, Path] = WeakKeyDictionary()


@contextmanager
def launch(chromium: Path | None = None, webgpu: WebGpu = "auto") -> Iterator[Browser]:
    """A headless Chromium. `webgpu` "auto" takes the GPU's adapter if the browser gives one, else the software one."""
    from playwright.sync_api import Error

    program = find_chromium(chromium)
    with _playwright() as playwright, TemporaryDirectory(prefix="pocketmoji-chromium-") as folder:
        browser = _with_gpu(playwright, program, Path(folder)) if webgpu == "auto" and has_gpu() else None
        if browser is None:
            browser = _start(playwright, program, "software" if webgpu == "auto" else webgpu, Path(folder))
            if webgpu == "hardware":
                with suppress(Error):  # who opens a page then is told why it went away
                    _ask_adapter(browser, GPU_START_S)
        try:
            yield browser
        finally:
            browser.close()


def _start(playwright: Playwright, program: Path, webgpu: WebGpu, folder: Path) -> Browser:
    from playwright.sync_api import Error

    flags = {"hardware": HARDWARE, "software": SOFTWARE, "off": OFF}[webgpu]
    log = folder / f"{webgpu}.log"
    arguments = [*QUIET, *flags, "--enable-logging", f"--log-file={log}"]
    try:
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=arguments)
    except Error as error:
        raise MachineError(
            f"{program} does not start: {error.message.splitlines()[0]}", where=program, remedy=REMEDY
        ) from error
    _logs[browser] = log
    return browser


# Programs that gave no GPU's adapter in time: they are asked again, and not waited for at every start.
_waited_in_vain: set[Path] = set()


def _with_gpu(playwright: Playwright, program: Path, folder: Path) -> Browser | None:
    """A browser that has shown that it has a GPU's adapter and opens pages with it."""
    from playwright.sync_api import Error

    browser = _start(playwright, program, "hardware", folder)
    try:
        adapter = _ask_adapter(browser, 0.0 if program in _waited_in_vain else GPU_START_S)
    except Error as error:
        reason = "; ".join([error.message.splitlines()[0], *last_words(browser), *filter(None, [why_it_died()])])
        say(f"Chromium does not open a page on this machine's GPU ({reason}): taking its software adapter")
        adapter = None
    if adapter is not None and not adapter.is_fallback:
        return browser
    _waited_in_vain.add(program)
    browser.close()
    return None


def last_words(browser: Browser, most: int = 3) -> list[str]:
    """The last errors that a browser has logged, those of its crash if it crashed; oldest first."""
    log = _logs.get(browser)
    lines = log.read_text("utf-8", errors="replace").splitlines() if log and log.is_file() else []
    # A machine without a desktop has no D-Bus, which says nothing of anything.
    found = [line for line in lines if re.search(r":(ERROR|FATAL):", line) and "dbus" not in line]
    fatal = [line for line in found if ":FATAL:" in line]
    return [
        re.sub(r"^\[[^\]]*:(ERROR|FATAL):", r"\1: ", line)[:300].replace("] ", ": ", 1)
        for line in (fatal or found)[-most:]
    ]


def require_gpu(chromium: Path | None = None) -> AdapterInfo:
    """The adapter of a GPU in Chromium. MachineError, which says what there is instead, where there is none."""
    program = find_chromium(chromium)
    adapter = probe_webgpu(chromium)
    if adapter is not None and not adapter.is_fallback:
        return adapter
    found = f"a software adapter ({adapter.name})" if adapter else "no WebGPU adapter at all"
    if is_headless_shell(program):
        remedy = NO_GPU_IN_SHELL
    elif not has_gpu():
        remedy = "this machine shows no GPU (neither /dev/nvidia* nor /dev/dri/renderD*): give the container its GPU"
    else:
        remedy = "install the GPU's Vulkan driver and its loader (libvulkan1, libegl1); `vulkaninfo` must name the GPU"
    raise MachineError(
        f"a GPU is required, and Chromium has {found}",
        expected="a WebGPU adapter of a GPU",
        where=program,
        remedy=f"{remedy}; or run without --require-gpu",
    )


# The page's own answer is in demo/src/webgpu.ts; `doctor` must know without a built demo.
ASK = """async () => {
  const adapter = await navigator.gpu?.requestAdapter({powerPreference: 'high-performance'}).catch(() => null);
  if (!adapter) return null;
  const info = adapter.info ?? {};
  const {vendor = '', architecture = '', description = '', isFallbackAdapter = !!adapter.isFallbackAdapter} = info;
  const names = ['maxBufferSize', 'maxStorageBufferBindingSize', 'maxComputeInvocationsPerWorkgroup',
                 'maxComputeWorkgroupStorageSize'];
  return {vendor, architecture, description, is_fallback: isFallbackAdapter || architecture === 'swiftshader',
          features: [...adapter.features].sort(), limits: Object.fromEntries(names.map(n => [n, adapter.limits[n]]))};
}"""


def _ask_adapter(browser: Browser, patience_s: float = 0.0) -> AdapterInfo | None:
    """The adapter that a page gets. Chromium may give none while its GPU process starts (an H200's: seconds), so it is
    asked again until it gives one or `patience_s` are over."""
    page = browser.new_page()
    # WebGPU needs a secure context, which localhost is; nothing has to listen there.
    page.route("**/*", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    page.goto("http://localhost/")
    end = time.monotonic() + patience_s
    answer: Any = page.evaluate(ASK)
    while answer is None and time.monotonic() < end:
        page.wait_for_timeout(250)
        answer = page.evaluate(ASK)
    page.close()
    return None if answer is None else AdapterInfo.model_validate(answer)


def probe_webgpu(chromium: Path | None = None, webgpu: WebGpu = "auto") -> AdapterInfo | None:
    """The WebGPU adapter that tests get on this machine, or None if there is none. Takes about two seconds."""
    with launch(chromium, webgpu) as browser:
        return _ask_adapter(browser)
