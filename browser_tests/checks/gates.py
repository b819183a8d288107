"""Limits on what a browser test measures: compliance>=0.98, ttft_ratio<=1.25@transformers.js/wasm is METRIC@ENGINE."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pocketmoji.core.errors import InputError
from pocketmoji.core.records import GateResult

METRICS = {
    "other_words_recall": "quite other words for a seed answered with its emoji",
    "other_words_overlap": "quite other words for a seed answered with one of its emoji at least",
    "everyday_acceptable": "everyday phrases answered with an emoji that would do",
    "typed_recall": "seeds in capitals, title case, as hashtags and with typos answered with their emoji",
    "compliance": "share of answers that are emoji and nothing else",
    "seed_recall": "seeds answered with their emoji",
    "paraphrase_recall": "held-out paraphrases answered with their seed's emoji",
    "stop_rate": "answers that stop by themselves",
    "parity": "answers with the same tokens as the same file in Python",
    "load_s": "seconds to load the model, from a local server",
    "ttft_ms": "milliseconds to the first token, median",
    "tokens_per_s": "tokens a second, median",
    "memory_mb": "peak memory of the page's process, MB",
    "page_memory_mb": "what the page itself says it holds, MB",
    "ttft_ratio": "time to the first token over the baseline's, same session, in turn",
    "token_ratio": "time per further token over the baseline's, same session, in turn",
    "logit_distance": "largest difference of a logit from Python's",
    "dispatches": "what a GPU is told to compute for a further token, in pieces",
    "bytes_read": "what is read back from a GPU for a further token",
    "download_mb": "size of the model file, MB",
}
RULE = re.compile(r"([a-z_]+)(?:@([a-z0-9./]+))?(>=|<=)([0-9.]+)(%?)")


def parse_gates(given: Sequence[str], engines: Sequence[str]) -> list[tuple[str, str | None, str, float]]:
    """(metric, engine or None for all, operator, limit) of each --gate; an InputError names what does not fit."""
    rules = []
    for gate in given:
        found = RULE.fullmatch(re.sub(r"\s+", "", gate))
        if not found or found[1] not in METRICS:
            raise InputError(
                f"--gate is {gate!r}",
                expected="METRIC[@ENGINE]>=LIMIT or <=LIMIT, for instance compliance>=0.98 or ttft_ratio<=1.25",
                remedy=f"metrics: {', '.join(METRICS)}",
            )
        metric, engine, operator, number, percent = found.groups()
        if engine and engine not in engines:
            raise InputError(f"--gate {gate!r} names the engine {engine!r}", expected=", ".join(engines))
        try:
            limit = float(number) / (100 if percent else 1)
        except ValueError:
            raise InputError(f"--gate {gate!r}: {number!r} is no number") from None
        rules.append((metric, engine, operator, limit))
    return rules


def judge(
    rules: Sequence[tuple[str, str | None, str, float]],
    measured: Mapping[str, Mapping[str, float]],
) -> list[GateResult]:
    """One result per rule and engine that measured the metric; InputError where none did, so that no gate is idle."""
    results = []
    for metric, engine, operator, limit in rules:
        names = [name for name in ([engine] if engine else measured) if metric in measured.get(name, {})]
        if not names:
            raise InputError(
                f"--gate {metric}{operator}{limit:g}: nothing measured it",
                expected=", ".join(sorted({m for values in measured.values() for m in values})) or "a measurement",
                remedy="ttft_ratio and token_ratio need --baseline; parity needs a reference in Python",
            )
        for name in names:
            value = measured[name][metric]
            passed = value >= limit if operator == ">=" else value <= limit
            results.append(GateResult(gate=f"{name} {metric} {operator}", value=value, limit=limit, passed=passed))
    return results
