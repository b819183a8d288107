"""The limits that make a run fail, judged on what summary.json says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pocketmoji.core.config import ExportConfig
from pocketmoji.core.records import GateResult

TUNED_BARS = {"compliance": 0.99, "seed_recall": 0.95, "paraphrase_recall": 0.80}
BROWSER = "transformers.js/wasm"
BROWSER_TOLERANCE = 0.02
ROUNDING = 1e-9
# What to try when a gate is missed, by the beginning of its name.
REMEDIES = {
    "tuned compliance": "the answers are still raw: train longer (--epochs)",
    "tuned seed_recall": "the list is not learnt yet: more --epochs, or --preset memorise (docs/train.md)",
    "tuned paraphrase_recall": "if seed recall is high, more --paraphrases; else more --epochs, or --preset memorise",
    "transformers.js": "the page answers otherwise than Python: browser/browser.html says where it begins",
    "shipped model": "a smaller --vocabulary-size, or a larger --max-model-bytes",
    "tokenizer": "a smaller --vocabulary-size, or a larger --max-tokenizer-bytes",
}


def judge(
    summary: Mapping[str, Any],
    export: ExportConfig | None = None,
    *,
    model: str | None = None,
    tokenizer: str = "tokenizer",
) -> list[GateResult]:
    """One result per gate whose figures are in `summary`; a stage that did not run has no gate.

    The tuned model must reach TUNED_BARS; the browser's scores must not be more than BROWSER_TOLERANCE below the tuned
    model's on the same texts; the shipped model and its tokenizer must fit the budgets of `export`. `model` and
    `tokenizer` are their keys in summary["sizes"]; `model` defaults to summary["shipped"]["artefact"].
    """
    export = export or ExportConfig()
    scores, sizes = summary.get("scores", {}), summary.get("sizes", {})
    tuned, browser = scores.get("tuned") or {}, scores.get(BROWSER) or {}
    results = []
    for metric, bar in TUNED_BARS.items():
        if tuned.get(metric) is not None:
            results.append(_at_least(f"tuned {metric}", tuned[metric], bar))
    for metric in TUNED_BARS:
        if tuned.get(metric) is not None and browser.get(metric) is not None:
            results.append(_at_least(f"{BROWSER} {metric}", browser[metric], tuned[metric] - BROWSER_TOLERANCE))
    shipped = model or (summary.get("shipped") or {}).get("artefact")
    for gate, key, limit in (
        ("shipped model bytes", shipped, export.max_model_bytes),
        ("tokenizer bytes", tokenizer, export.max_tokenizer_bytes),
    ):
        if key in sizes:
            results.append(_at_most(gate, sizes[key], limit))
    return results


def remedy(gate: str) -> str:
    """What a user can do about a missed gate of this name; empty if there is nothing general to say."""
    return next((text for start, text in REMEDIES.items() if gate.startswith(start)), "")


def _at_least(gate: str, value: float, limit: float) -> GateResult:
    return GateResult(gate=f"{gate} >=", value=value, limit=round(limit, 6), passed=value >= limit - ROUNDING)


def _at_most(gate: str, value: float, limit: float) -> GateResult:
    return GateResult(gate=f"{gate} <=", value=value, limit=limit, passed=value <= limit)
