"""The limits that make a run fail, judged on what summary.json says."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from pocketmoji.core.config import ExportConfig
from pocketmoji.core.records import GateResult

# Held-out paraphrases that a model wrote have a sixth of their words in common with what was trained: of the shipped
# list's 60% and 66% were answered exactly. These two limits tell a list that was not learnt; how far the model gets
# beyond a look-up is judged by the paired test.
TUNED_BARS = {
    "other_words_recall": 0.50,
    "everyday_acceptable": 0.80,
    "typed_recall": 0.95,
    "compliance": 0.99,
    "seed_recall": 0.95,
    "paraphrase_recall": 0.50,
}
# What people type is judged where there are enough texts to say something.
GROUP_OF = {"other_words_recall": "other_words", "everyday_acceptable": "everyday", "typed_recall": "typed"}
FEWEST_TEXTS = 20
BROWSERS = ("pocketmoji/wasm", "transformers.js/wasm")  # the first that ran is what the page takes on a processor
BROWSER_TOLERANCE = 0.02
TEXTS_TOLERATED = 2  # in the browser; of a group of thirty, one answer is three points
LEVEL = 0.05  # of the test against the best look-up
ROUNDING = 1e-9
# What to try when a gate is missed, by the beginning of its name.
REMEDIES = {
    "tuned other_words_recall": "the list needs real paraphrases: a model as --teacher, or more --paraphrases",
    "tuned everyday_acceptable": "general language is forgotten: fewer --epochs; or leave it out with --no-everyday",
    "tuned typed_recall": "capitals and typos are not learnt yet: more --epochs",
    "tuned no worse than": "a look-up does better than the model here: real paraphrases, or more --epochs",
    "tuned compliance": "the answers are still raw: train longer (--epochs)",
    "tuned seed_recall": "the list is not learnt yet: more --epochs, or --preset memorise (docs/train.md)",
    "tuned paraphrase_recall": "if seed recall is high, more --paraphrases; else more --epochs, or --preset memorise",
    "pocketmoji": "the page answers otherwise than Python: browser/browser.html says where it begins",
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

    The tuned model must reach TUNED_BARS and must not be significantly worse than the best look-up on what people type;
    the browser's scores must not lie below the tuned model's on the same texts by more than BROWSER_TOLERANCE or
    TEXTS_TOLERATED texts; the shipped model and its tokenizer must fit the budgets of `export`. `model` and `tokenizer`
    are their keys in summary["sizes"]; `model` defaults to summary["shipped"]["artefact"].
    """
    export = export or ExportConfig()
    scores, sizes = summary.get("scores", {}), summary.get("sizes", {})
    tuned, engine = scores.get("tuned") or {}, engine_of(scores)
    browser = scores.get(engine) or {}
    # What the tuned model reached on the texts that the browser answered, and how many of each kind these were.
    same = summary.get("same_texts") or {"tuned": tuned, "texts": {}}
    texts = summary.get("texts", {})
    enough = lambda metric: metric not in GROUP_OF or texts.get(GROUP_OF[metric], FEWEST_TEXTS) >= FEWEST_TEXTS
    judged = [metric for metric in TUNED_BARS if enough(metric)]
    results = [_at_least(f"tuned {m}", tuned[m], TUNED_BARS[m]) for m in judged if tuned.get(m) is not None]
    for found in summary.get("against_lookups", []):
        if found["runtime"] == "tuned" and enough(found["metric"]):
            gate = f"tuned no worse than {found['lookup']}, {found['metric']} ({found['value']:.1%} : "
            gate += f"{found['lookup_value']:.1%}), p"
            results.append(_at_least(gate, found["p_worse"], LEVEL))
    for metric in judged:
        before, now = same["tuned"].get(metric), browser.get(metric)
        if before is not None and now is not None:
            few = TEXTS_TOLERATED / same["texts"][metric] if same["texts"].get(metric) else 0.0
            results.append(_at_least(f"{engine} {metric}", now, before - max(BROWSER_TOLERANCE, few)))
    shipped = model or (summary.get("shipped") or {}).get("artefact")
    for gate, key, limit in (
        ("shipped model bytes", shipped, export.max_model_bytes),
        ("tokenizer bytes", tokenizer, export.max_tokenizer_bytes),
    ):
        if key in sizes:
            results.append(_at_most(gate, sizes[key], limit))
    return results


def engine_of(names: Container[str]) -> str:
    """The engine that the page takes on a processor, of those that ran."""
    return next((name for name in BROWSERS if name in names), BROWSERS[0])


def remedy(gate: str) -> str:
    """What a user can do about a missed gate of this name; empty if there is nothing general to say."""
    return next((text for start, text in REMEDIES.items() if gate.startswith(start)), "")


def _at_least(gate: str, value: float, limit: float) -> GateResult:
    return GateResult(gate=f"{gate} >=", value=value, limit=round(limit, 6), passed=value >= limit - ROUNDING)


def _at_most(gate: str, value: float, limit: float) -> GateResult:
    return GateResult(gate=f"{gate} <=", value=value, limit=limit, passed=value <= limit)
