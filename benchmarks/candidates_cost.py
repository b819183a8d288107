"""Claim: three candidates cost at most 1.5 times the time of one.

The page reads the prompt once and lets the answers grow side by side. Both sides run on the same loaded model, text by
text in turn, on WASM. One line of JSON at the end; exits 0 whether it holds or not.

    python benchmarks/candidates_cost.py [WEB] [EVALUATION] [--texts N]
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

from pocketmoji.browser_tests.app.node import build_demo
from pocketmoji.browser_tests.engines.latency import median_interval
from pocketmoji.browser_tests.engines.runtimes import ENGINES, OWN, BrowserRuntime
from pocketmoji.core.console import progress
from pocketmoji.core.records import EvaluationText, read_jsonl

BAR = 1.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("web", type=Path, nargs="?", default=Path("runs/personal/web"))
    parser.add_argument("evaluation", type=Path, nargs="?")
    parser.add_argument("--texts", type=int, default=12)
    parser.add_argument("--engine", choices=ENGINES, default=OWN)
    options = parser.parse_args()
    evaluation = options.evaluation or options.web.parent / "evaluation"
    texts = [text.text for text in read_jsonl(evaluation / "texts.jsonl", EvaluationText)]
    texts = texts[:: max(1, len(texts) // options.texts)][: options.texts]
    build_demo()
    ratios, seconds, found, tokens = [], {1: [], 3: []}, [], {1: [], 3: []}
    with BrowserRuntime(options.engine, options.web) as runtime, progress("texts", len(texts)) as advance:
        runtime.candidates("warm up", 3)
        for i, text in enumerate(texts):
            took = {}
            for count in (1, 3) if i % 2 else (3, 1):
                answers = runtime.candidates(text, count)
                took[count] = max(answer.seconds for answer in answers)
                seconds[count].append(took[count])
                tokens[count].append(max(len(answer.tokens) for answer in answers))
                if count == 3:
                    found.append(len({answer.raw for answer in answers}))
            ratios.append(took[3] / took[1])
            advance(1)
    interval = median_interval(ratios)
    result = {
        "claim": "three distinct candidates cost at most 1.5 times the time of one",
        "value": round(interval.value, 3),
        "interval": [round(interval.low, 3), round(interval.high, 3)],
        "bar": BAR,
        "holds": interval.value <= BAR,
        "texts": len(texts),
        "seconds_one": round(statistics.median(seconds[1]), 2),
        "seconds_three": round(statistics.median(seconds[3]), 2),
        "longest_answer_tokens_one": statistics.median(tokens[1]),
        "longest_answer_tokens_three": statistics.median(tokens[3]),
        "texts_with_three_distinct": sum(count == 3 for count in found),
        "adapter": runtime.adapter_name,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
