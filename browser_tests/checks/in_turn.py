"""Two artefacts in one session, text by text in turn: what a machine does to one of them it does to both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pocketmoji.browser_tests.checks.findings import Finding, judged
from pocketmoji.browser_tests.engines.latency import median_interval
from pocketmoji.browser_tests.engines.runtimes import BrowserRuntime, EngineName
from pocketmoji.core.console import progress
from pocketmoji.core.records import Interval

FEWEST = 6  # pairs; with fewer no interval is below the whole sample
CLEARLY = 1.25


def latency_ratios(
    engine: EngineName,
    web: Path,
    baseline: Path,
    texts: Sequence[str],
    *,
    chromium: Path | None = None,
    limit_s: float = 300,
) -> dict[str, Interval]:
    """Medians of new / baseline: "ttft_ratio" over pairs of first tokens, "token_ratio" over pairs of answers."""
    options = {"chromium": chromium, "text_limit_s": limit_s}
    first: list[float] = []
    further: list[float] = []
    with (
        BrowserRuntime(engine, baseline, **options) as old,  # type: ignore[arg-type]
        BrowserRuntime(engine, web, **options) as new,  # type: ignore[arg-type]
        progress("in turn with the baseline", len(texts)) as advance,
    ):
        for runtime in (old, new):
            runtime.predict(texts[:1])  # cold
        for i, text in enumerate(texts):
            # Who goes first changes: a machine that gets slower would blame the second.
            order = (old, new) if i % 2 else (new, old)
            answers = {id(runtime): runtime.predict([text])[0] for runtime in order}
            a, b = answers[id(new)], answers[id(old)]
            if a.ttft_ms and b.ttft_ms:
                first.append(a.ttft_ms / b.ttft_ms)
            if a.tokens_per_s and b.tokens_per_s:
                further.append(b.tokens_per_s / a.tokens_per_s)
            advance(1)
    pairs = {"ttft_ratio": first, "token_ratio": further}
    return {name: median_interval(values) for name, values in pairs.items() if values}


def judge_latency(ratios: dict[str, Interval], clearly: float = CLEARLY) -> Finding:
    """A regression is one whose whole interval lies beyond `clearly`: noise alone does not fail."""
    problems = []
    measured: dict[str, float] = {}
    words = {"ttft_ratio": "the first token takes", "token_ratio": "a further token takes"}
    for name, ratio in ratios.items():
        measured |= {name: ratio.value, f"{name}_low": ratio.low, f"{name}_high": ratio.high}
        if ratio.low > clearly and ratio.n >= FEWEST:
            problems.append(
                f"{words[name]} {ratio.value:.2f} times as long as the baseline's ({ratio.low:.2f} to {ratio.high:.2f})"
            )
    return judged("latency against the baseline", problems, **measured)
