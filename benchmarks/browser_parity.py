"""Claim: on a processor at least 98% of texts are answered as by the same file in Python, scores within 1 point.

Every evaluation text (or --texts of them) through the page in headless Chromium; Python's ONNX Runtime answers the same
texts with the same file, activations not rounded to 8 bits (browser_tests/checks/logits.py says why), and as it does by
default.
One line of JSON at the end; exits 0 whether it holds or not.

    python benchmarks/browser_parity.py [WEB] [EVALUATION] [--texts N] [--engine transformers.js/wasm]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from pocketmoji.browser_tests.app.node import build_demo
from pocketmoji.browser_tests.checks.files import onnx_file, read_card
from pocketmoji.browser_tests.engines.logits import ExactRuntime, compare
from pocketmoji.browser_tests.engines.runtimes import ENGINES, OWN, BrowserRuntime
from pocketmoji.core.console import progress
from pocketmoji.core.records import EvaluationText, Prediction, read_jsonl
from pocketmoji.evaluate.runtimes.onnx_runtime import OnnxRuntime
from pocketmoji.evaluate.scoring.scores import summarise

BAR, POINT = 0.98, 0.01
METRICS = ("compliance", "seed_recall", "paraphrase_recall")


def same(ours: Sequence[Prediction], theirs: Sequence[Prediction]) -> float:
    return sum(a.tokens == b.tokens for a, b in zip(ours, theirs, strict=True)) / len(ours)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("web", type=Path, nargs="?", default=Path("runs/personal/web"))
    parser.add_argument("evaluation", type=Path, nargs="?")
    parser.add_argument("--texts", type=int, default=0, help="0: all")
    parser.add_argument("--engine", choices=ENGINES, default=OWN)
    options = parser.parse_args()
    evaluation = options.evaluation or options.web.parent / "evaluation"
    texts = read_jsonl(evaluation / "texts.jsonl", EvaluationText)
    if options.texts:
        texts = texts[:: max(1, len(texts) // options.texts)][: options.texts]
    asked = [text.text for text in texts]
    card = read_card(options.web)
    path = onnx_file(options.web, card)
    stops, limit = card["stop_token_ids"], card["max_new_tokens"]
    build_demo()
    browser, pairs = [], []
    exact = ExactRuntime(options.web, card["onnx_file"], stops, limit)
    with BrowserRuntime(options.engine, options.web) as runtime, progress(options.engine, len(texts)) as advance:
        for text in asked:
            answer, trace = runtime.trace(text)
            browser.append(answer)
            pairs.append((text, trace))
            advance(1)
        timing = runtime.timing()
    unrounded = exact.predict(asked)
    logits = compare([(text, trace, exact.trace(text)) for text, trace in pairs[:3]], exact.spell)
    rounded = OnnxRuntime(path, options.web, stops, limit, batch_size=1).predict(asked)
    ours, theirs = summarise(texts, browser), summarise(texts, unrounded)
    apart = {}
    for metric in METRICS:
        one, other = getattr(ours, metric), getattr(theirs, metric)
        if one and other:
            apart[metric] = round(one.value - other.value, 4)
    value = same(browser, unrounded)
    result = {
        "claim": "on a processor 98% of texts are answered as by the same file in Python, scores within 1 point",
        "value": round(value, 4),
        "bar": BAR,
        "holds": value >= BAR and all(abs(difference) <= POINT for difference in apart.values()),
        "texts": len(texts),
        "engine": options.engine,
        "artefact": card.get("name"),
        "scores_apart": apart,
        "largest_logit_distance": logits.largest_distance,
        "same_as_python_with_rounded_activations": round(same(browser, rounded), 4),
        "adapter": timing.adapter,
        "ttft_ms_p50": timing.ttft_ms_p50,
        "tokens_per_s_p50": timing.tokens_per_s_p50,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
