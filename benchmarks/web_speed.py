"""Claim: on a processor the page's own engine says ten times as many tokens a second as ONNX Runtime's WASM.

Both engines load the same shipped file in headless Chromium and answer the same texts in turn, so that whatever else
the machine does slows both: with 2 threads, with 1, and with 2 beside a program that wants a core. "Today" is
transformers.js/wasm, MatMulNBits on ONNX Runtime Web, as the page ran before it had an engine of its own. Memory is
what the page says it holds with its own engine; the download is every byte that it asked for up to its first answer.
One line of JSON at the end; exits 0 whether it holds or not.

    python -m benchmarks.web_speed [WEB] [EVALUATION] [--texts N]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import Request, urlopen

from pocketmoji.browser_tests.app.node import build_demo
from pocketmoji.browser_tests.engines.latency import median_interval
from pocketmoji.browser_tests.engines.runtimes import OWN, BrowserRuntime
from pocketmoji.core.console import progress
from pocketmoji.core.records import EvaluationText, Prediction, read_jsonl

TODAY = "transformers.js/wasm"
BARS = {"2 threads": 10.0, "1 thread": 8.0, "2 threads, one core busy": 5.0}
BAR_FIRST, BAR_MEMORY_MB, BAR_DOWNLOAD_MB = 0.5, 300.0, 90.0
MEMORY_LIMIT_S = 90  # Chromium tells the page's memory at its next garbage collection, or after a minute


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("web", type=Path, nargs="?", default=Path("runs/personal/web"))
    parser.add_argument("evaluation", type=Path, nargs="?")
    parser.add_argument("--texts", type=int, default=9)
    options = parser.parse_args(arguments)
    evaluation = options.evaluation or options.web.parent / "evaluation"
    texts = [text.text for text in read_jsonl(evaluation / "texts.jsonl", EvaluationText)]
    texts = texts[:: max(1, len(texts) // options.texts)][: options.texts]
    build_demo()
    found = {
        "2 threads": compare(options.web, texts, 2),
        "1 thread": compare(options.web, texts, 1),
        "2 threads, one core busy": compare(options.web, texts, 2, busy=True),
    }
    page = measure_page(options.web, texts[0])
    speeds = {name: one["tokens_ratio"]["value"] for name, one in found.items()}
    first = max(found[name]["first_token_ratio"]["value"] for name in ("2 threads", "1 thread"))
    holds = {
        **{f"tokens a second, {name}": speeds[name] >= bar for name, bar in BARS.items()},
        "time to the first token": first <= BAR_FIRST,
        "memory": page["memory_mb"] is not None and page["memory_mb"] <= BAR_MEMORY_MB,
        "download": page["download_mb"] <= BAR_DOWNLOAD_MB,
    }
    result = {
        "claim": "on a processor the page's own engine says 10 times as many tokens a second as ONNX Runtime's WASM",
        "value": speeds["2 threads"],
        "bar": BARS["2 threads"],
        "holds": all(holds.values()),
        "parts": holds,
        "bars": {**BARS, "first token": BAR_FIRST, "memory_mb": BAR_MEMORY_MB, "download_mb": BAR_DOWNLOAD_MB},
        "texts": len(texts),
        **found,
        **page,
    }
    print(json.dumps(result))


def compare(web: Path, texts: Sequence[str], threads: int, busy: bool = False) -> dict[str, Any]:
    """Both engines in turn, text by text; who goes first changes."""
    name = f"{threads} thread{'s' if threads > 1 else ''}{', one core busy' if busy else ''}"
    said: dict[str, list[Prediction]] = {OWN: [], TODAY: []}
    with (
        BrowserRuntime(TODAY, web, threads=threads, webgpu="off") as today,
        BrowserRuntime(OWN, web, threads=threads, webgpu="off") as own,
        progress(name, len(texts)) as advance,
    ):
        for runtime in (today, own):
            runtime.predict(texts[:1])  # cold
        with another_program() if busy else nullcontext():
            for i, text in enumerate(texts):
                for runtime in (today, own) if i % 2 else (own, today):
                    said[runtime.name] += runtime.predict([text])
                advance(1)
        load = {runtime.name: round(runtime.info.load_seconds, 2) for runtime in (today, own)}
    pairs = list(zip(said[OWN], said[TODAY], strict=True))
    return {
        "tokens_ratio": ratio([(a.tokens_per_s, b.tokens_per_s) for a, b in pairs]),
        "first_token_ratio": ratio([(a.ttft_ms, b.ttft_ms) for a, b in pairs]),
        "tokens_per_s": {name: round(median(p.tokens_per_s or 0 for p in all), 2) for name, all in said.items()},
        "ttft_ms": {name: round(median(p.ttft_ms or 0 for p in all)) for name, all in said.items()},
        "load_s": load,
        "same_answers": sum(a.tokens == b.tokens for a, b in pairs),
    }


def ratio(pairs: Sequence[tuple[float | None, float | None]]) -> dict[str, float]:
    interval = median_interval([a / b for a, b in pairs if a and b])
    return {key: round(getattr(interval, key), 3) for key in ("value", "low", "high")}


@contextmanager
def another_program() -> Iterator[None]:
    """One that never rests."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.5)
        yield
    finally:
        process.kill()
        process.wait()


def measure_page(web: Path, text: str) -> dict[str, float | None]:
    """What the page holds and what it downloaded, with its own engine and as many threads as it finds best."""
    with BrowserRuntime(OWN, web, webgpu="off") as runtime:
        runtime.candidates(text, 3)
        asked = {address for address in runtime.requests if address.startswith(runtime.url)}
        download = sum(size(address) for address in asked)
        started = time.monotonic()
        while runtime.page_memory_mb() is None and time.monotonic() - started < MEMORY_LIMIT_S:
            time.sleep(1)
        return {"memory_mb": runtime.page_memory_mb(), "download_mb": round(download / 1e6, 2)}


def size(address: str) -> int:
    with urlopen(Request(address, method="HEAD")) as response:
        return int(response.headers["Content-Length"])


if __name__ == "__main__":
    main()
