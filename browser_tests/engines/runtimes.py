"""The runtimes that live in the page, behind the same protocol as those in Python.

Longer than a page: it is one object, a page that is opened, asked, watched and photographed, and every call shares its
way of failing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, get_args

from pocketmoji.browser_tests.app.server import DEFAULT_MODEL, Server, running
from pocketmoji.browser_tests.engines.chromium import AdapterInfo, WebGpu, last_words, launch
from pocketmoji.browser_tests.engines.installed import (
    NO_GPU_IN_SHELL,
    find_chromium,
    is_headless_shell,
    why_it_died,
)
from pocketmoji.browser_tests.engines.latency import quantile
from pocketmoji.browser_tests.engines.logits import TOP, Trace
from pocketmoji.core.errors import MachineError, PocketmojiError
from pocketmoji.core.grid import PRECISIONS
from pocketmoji.core.records import EngineTiming, Prediction, Record
from pocketmoji.core.runtime import Progress
from pocketmoji.core.workspace import write_text

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Error

EngineName = Literal[
    "pocketmoji/wasm", "pocketmoji/webgpu", "transformers.js/wasm", "transformers.js/webgpu", "mediapipe/webgpu"
]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
OWN: EngineName = "pocketmoji/wasm"
OWN_GPU: EngineName = "pocketmoji/webgpu"
PAGE_LIMIT_S = 30.0
DESKTOP = {"width": 1100, "height": 720}
# Chromium answers at its next garbage collection, or after a minute: asked for early, and never waited for.
MEASURE_MEMORY = """() => {
  window.pageMemory = null;
  if (self.crossOriginIsolated && performance.measureUserAgentSpecificMemory)
    performance.measureUserAgentSpecificMemory().then((found) => { window.pageMemory = found.bytes; }, () => {});
}"""


class EngineFailure(PocketmojiError):
    """The engine did not load the model, or gave no answer. The message has what the page said."""


class BrowserDied(EngineFailure):
    """The page or the whole browser went away: it crashed, ran out of memory, or was killed."""


class EngineInfo(Record):
    """What the page says of the model it has loaded (demo/src/engine.ts, Info)."""

    engine: str
    model: str
    file: str
    bytes: int
    dtype: str
    device: str
    fallback_reason: str | None
    adapter: AdapterInfo | None
    cross_origin_isolated: bool
    threads: int
    load_seconds: float
    kept: str
    from_store: bool
    runtime_version: str
    measured: dict[str, float]
    """Milliseconds of a token with each way to compute that the page tried before it chose this one."""
    choice: dict[str, Any] | None


class GpuWork(Record):
    """What a further token takes of the GPU, counted in the page; the same on every adapter but for what it lacks."""

    dispatches: float
    bytes_read: float


def processor_engine(card: Mapping[str, Any]) -> EngineName:
    """The engine that the page takes on a processor: its own, or ONNX Runtime's for a file that its own does not know.

    `card` is what pocketmoji.json says.
    """
    name = str(card.get("name") or f"onnx_{card.get('dtype') or 'q4'}").removeprefix("onnx_")
    precision = PRECISIONS.get(name)
    known = precision is not None and precision.layers is not None and not precision.halves
    return OWN if known else "transformers.js/wasm"


def reads_onnx(engine: str) -> bool:
    """Whether an engine computes the ONNX file; MediaPipe has a .task of its own."""
    return not engine.startswith("mediapipe")


@dataclass(frozen=True)
class Page:
    """Which page is driven, and how it is served: the built demo by the local server, unless a test says otherwise.

    `script` runs in the page before anything else does.
    """

    folder: Path | None = None
    server: type[Server] = Server
    webgpu: WebGpu = "auto"
    script: str = ""


class BrowserRuntime:
    """A model folder in one engine of the page. A context manager: entering it loads the model.

    The device of `name` is used or it fails: MachineError where there is no WebGPU adapter, EngineFailure otherwise.
    """

    def __init__(
        self,
        name: EngineName,
        model_folder: Path,
        *,
        chromium: Path | None = None,
        dtype: str | None = None,
        threads: int | None = None,
        text_limit_s: float = 300,
        load_limit_s: float = 300,
        webgpu: WebGpu | None = None,
        page: Page = Page(),
        evidence: Path | None = None,
        grammar: bool = False,
    ) -> None:
        if name not in ENGINES:
            raise ValueError(f"no engine {name!r}: {', '.join(ENGINES)}")
        self.name: str = name
        self.model_folder = model_folder
        self.text_limit_s, self.load_limit_s = text_limit_s, load_limit_s
        self._chromium, self._dtype, self._threads, self._page_options = chromium, dtype, threads, page
        self._webgpu = webgpu or page.webgpu
        self._evidence, self._grammar = evidence, grammar
        self._stack = ExitStack()
        self.console: list[str] = []  # what the page logged, errors of the page included
        self.requests: list[str] = []  # every address that the page asked for
        self._measured: list[Prediction] = []
        self.adapter: AdapterInfo | None = None  # known also if the engine then fails
        self.gpu_work: GpuWork | None = None  # of the last answer
        self.loaded = False
        self._browser: Browser
        self.chromium_version = ""
        self.url = ""

    def __enter__(self) -> BrowserRuntime:
        options = self._page_options
        with ExitStack() as stack:  # closes what was opened if a later step fails
            server = stack.enter_context(
                running({DEFAULT_MODEL: self.model_folder}, page=options.folder, kind=options.server)
            )
            browser = stack.enter_context(launch(self._chromium, self._webgpu))
            self.url, self.chromium_version = server.url, browser.version
            context = browser.new_context(viewport=DESKTOP, permissions=["clipboard-read", "clipboard-write"])  # type: ignore[arg-type]
            if self._evidence:
                context.tracing.start(snapshots=True)
                stack.push(self._keep_evidence)
            self.page = context.new_page()
            if options.script:
                self.page.add_init_script(options.script)
            self._browser = browser
            self.page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
            self.page.on("pageerror", lambda error: self.console.append(f"uncaught: {error}"))
            self.page.on("crash", lambda _: self.console.append("crash: the page's process died"))
            context.on("request", lambda request: self.requests.append(request.url))
            self._open(f"{server.url}?load=manual")
            adapter = self._call("probeAdapter", [], PAGE_LIMIT_S)
            self.adapter = AdapterInfo.model_validate(adapter) if adapter else None
            self.info = self._load()
            self.loaded = True
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def _open(self, address: str) -> None:
        from playwright.sync_api import Error, TimeoutError

        started = time.monotonic()
        try:
            self.page.goto(address, timeout=PAGE_LIMIT_S * 1000)
            self.page.wait_for_function("window.pocketmoji", timeout=PAGE_LIMIT_S * 1000)
        except TimeoutError as error:
            raise self._failure(f"the page does not start within {PAGE_LIMIT_S:.0f} s") from error
        except Error as error:
            seconds = time.monotonic() - started
            if not self._gone():
                raise self._failure(f"the page does not start, after {seconds:.1f} s: {_first(error)}") from error
            raise self._died(f"before the page had started, after {seconds:.1f} s", error) from error

    def _keep_evidence(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """After a failure: trace.zip (npx playwright show-trace), console.txt and screenshot.png."""
        from playwright.sync_api import Error

        if self._evidence is None or not isinstance(error, EngineFailure):
            return
        self._evidence.mkdir(parents=True, exist_ok=True)
        write_text(self._evidence / "console.txt", "\n".join([str(error), *self.console]) + "\n")
        try:
            self.page.screenshot(path=self._evidence / "screenshot.png", timeout=10_000)
            self.page.context.tracing.stop(path=self._evidence / "trace.zip")
        except Error as problem:  # a browser that died has neither
            self.console.append(f"no picture of the failure: {problem.message.splitlines()[0]}")

    def memory_mb(self) -> float | None:
        """Peak resident memory of the browser's largest page process in MB; None where the system does not tell it."""
        session = self._browser.new_browser_cdp_session()
        processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
        session.detach()
        peaks = []
        for process in processes:
            status = Path(f"/proc/{process['id']}/status")
            if process["type"] == "renderer" and status.is_file():
                found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text("utf-8"))
                peaks += [int(found[1]) / 1000] if found else []
        return max(peaks, default=None)

    def page_memory_mb(self) -> float | None:
        """What the loaded page said it holds, its worker and WebAssembly included, in MB
        (measureUserAgentSpecificMemory, asked for when the model was loaded).

        None where the browser has not told it: without cross-origin isolation, or within the minute that it may take.
        """
        found = self.page.evaluate("window.pageMemory")
        return found / 1e6 if found else None

    def _load(self) -> EngineInfo:
        engine, device = self.name.split("/")
        options: dict[str, Any] = {"model": DEFAULT_MODEL, "engine": engine, "device": device}
        if self._dtype and reads_onnx(self.name):
            options["dtype"] = self._dtype
        if self._threads:
            options["threads"] = self._threads
        started = time.monotonic()
        answer = self._call("load", [options], self.load_limit_s)
        info = EngineInfo.model_validate(answer | {"load_seconds": time.monotonic() - started})
        if info.device != device:  # cannot happen; were it to, every figure after it would be a lie
            raise EngineFailure(f"{self.name} was asked for, the page used {info.device}: {info.fallback_reason}")
        if device == "webgpu" and info.adapter is None:
            raise MachineError("no WebGPU adapter, yet the page says that it uses WebGPU", where=self.url)
        self.page.evaluate(MEASURE_MEMORY)
        return info

    def _call(self, method: str, arguments: list[Any], limit_s: float) -> Any:
        """window.pocketmoji.<method>(...arguments). Started, then polled: Playwright's evaluate has no limit."""
        from playwright.sync_api import Error, TimeoutError

        start = """([method, args]) => {
          const job = window.job = {};
          window.pocketmoji[method](...args).then(value => { job.value = value; job.done = true; },
                                                  error => { job.error = error.message; job.done = true; });
        }"""
        started = time.monotonic()
        try:
            self.page.evaluate(start, [method, arguments])
            self.page.wait_for_function("window.job.done", timeout=limit_s * 1000, polling=10)
            job = self.page.evaluate("window.job")
        except TimeoutError as error:
            raise self._failure(f"nothing within {limit_s:.0f} s") from error
        except Error as error:
            raise self._died(f"{time.monotonic() - started:.1f} s after {method} was asked for", error) from error
        if "error" in job:
            raise self._failure(job["error"])
        return job["value"]

    def _gone(self) -> bool:
        """Whether the page's process or the whole browser is no more."""
        crashed = any(line.startswith("crash:") for line in self.console)
        return crashed or self.page.is_closed() or not self._browser.is_connected()

    def _died(self, when: str, error: Error) -> BrowserDied:
        """What went away, when, and what the browser said last."""
        what = "the page" if self._browser.is_connected() else "the whole browser"
        words = "".join(f"\n    {line}" for line in last_words(self._browser))
        said = f"{self.name}: {what} died {when}: {_first(error)}" + (f"\n  Chromium logged:{words}" if words else "")
        return BrowserDied(said, where=self.model_folder, remedy=why_it_died())

    def _failure(self, problem: str) -> PocketmojiError:
        if "no WebGPU adapter" in problem:
            shell = is_headless_shell(find_chromium(self._chromium))
            return MachineError(
                f"{self.name}: {problem}",
                expected="a Chromium with WebGPU, on a GPU or on its software adapter",
                remedy=NO_GPU_IN_SHELL
                if shell
                else "see what `pocketmoji doctor` says; a current Chromium has a software adapter built in",
            )
        tail = "".join(f"\n    {line[:300]}" for line in self.console[-5:])
        return EngineFailure(
            f"{self.name}: {problem}" + (f"\n  the page logged:{tail}" if tail else ""), where=self.model_folder
        )

    def _answers(self, text: str, options: dict[str, Any]) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = self._call("answer", [text, options], self.text_limit_s)
        work = [answer.pop("gpu_work", None) for answer in answers]
        self.gpu_work = GpuWork.model_validate(work[0]) if work and work[0] else None
        return answers

    def predict(self, texts: Sequence[str], progress: Progress | None = None) -> list[Prediction]:
        """The greedy answer to each text, in the order of `texts`: raw, unless this runtime has the grammar."""
        found = []
        for text in texts:
            found += self.candidates(text, 1, self._grammar)
            self._measured.append(found[-1])
            if progress:
                progress(1)
        return found

    def candidates(self, text: str, count: int, grammar: bool = False) -> list[Prediction]:
        """The greedy answer and up to `count` - 1 sampled ones, all different, from one reading of the prompt."""
        answers = self._answers(text, {"candidates": count, "grammar": grammar})
        return [Prediction.model_validate({"text": text} | answer) for answer in answers]

    def trace(self, text: str, grammar: bool = False) -> tuple[Prediction, Trace]:
        """The greedy answer with the largest logits of each token, as they are before `grammar` forbids any; ones that
        are not finite are in the trace."""
        answer = self._answers(text, {"candidates": 1, "trace": TOP, "grammar": grammar})[0]
        if self.name == OWN_GPU:
            self.gpu_work = None  # it reads whole rows of logits back for the trace
        trace = Trace.model_validate(answer.pop("trace"))
        found = Prediction.model_validate({"text": text} | answer)
        self._measured.append(found)
        return found, trace

    @property
    def adapter_name(self) -> str:
        """What did the computing: the GPU's name, or the processor's threads."""
        if self.info.device == "webgpu" and self.info.adapter:
            return self.info.adapter.name
        return f"WASM, {self.info.threads} thread{'s' if self.info.threads > 1 else ''}"

    def timing(self) -> EngineTiming:
        """Latency over the texts answered since loading, without the first (cold) one if there are others."""
        warm = self._measured[1:] or self._measured
        return engine_timing(self.adapter_name, self.info.load_seconds, warm)

    def show(self, text: str) -> None:
        """Types a text into the page as a person would and waits for its answers."""
        from playwright.sync_api import Error

        limit_s = 3 * self.text_limit_s  # three answers
        try:
            self.page.fill("#text", text)
            self.page.press("#text", "Enter")
            self.page.wait_for_selector("#candidates[aria-busy=false] button.candidate", timeout=limit_s * 1000)
        except Error as error:
            raise self._failure(f"the page shows no answers within {limit_s:.0f} s") from error

    def screenshot(self, path: Path, width: int = 1100, height: int = 720, dark: bool = False) -> None:
        """The page as it is now, at the given size."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        self.page.evaluate("document.fonts.ready")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path)


def _first(error: Error) -> str:
    return error.message.splitlines()[0]


def engine_timing(adapter: str, load_s: float, predictions: Sequence[Prediction]) -> EngineTiming:
    """p50 and p95 of the predictions' times. p95 is the slow end in both: 95% of the texts are at least that fast."""
    first = [p.ttft_ms for p in predictions if p.ttft_ms is not None]
    speed = [p.tokens_per_s for p in predictions if p.tokens_per_s is not None]
    return EngineTiming(
        adapter=adapter,
        load_s=round(load_s, 3),
        ttft_ms_p50=round(quantile(first, 0.5), 1),
        ttft_ms_p95=round(quantile(first, 0.95), 1),
        tokens_per_s_p50=round(quantile(speed, 0.5), 3),
        tokens_per_s_p95=round(quantile(speed, 0.05), 3),
    )
