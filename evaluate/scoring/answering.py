"""Run one runtime on the evaluation texts and write down what it said and how good that was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pocketmoji.core.console import progress
from pocketmoji.core.records import EvaluationText, Prediction, Scores, write_jsonl
from pocketmoji.core.runtime import Runtime
from pocketmoji.core.workspace import write_text
from pocketmoji.evaluate.scoring.scores import failures, per_seed, summarise


def evaluate_runtime(
    runtime: Runtime,
    texts: Sequence[EvaluationText],
    folder: Path,
    name: str,
    reference: Sequence[Prediction] | None = None,
) -> Scores:
    """Answer `texts` with `runtime`, write the four files of `write_evaluation`, return the scores.

    `name` is the key in summary.json: "base", "tuned", "onnx_q4", ... Parity is measured against `reference`.
    """
    with progress(f"evaluate {name}", len(texts)) as advance:
        predictions = runtime.predict([text.text for text in texts], advance)
    return write_evaluation(texts, predictions, folder, name, reference)


def write_evaluation(
    texts: Sequence[EvaluationText],
    predictions: Sequence[Prediction],
    folder: Path,
    name: str,
    reference: Sequence[Prediction] | None = None,
) -> Scores:
    """Score predictions that exist already (a browser's, for instance) and write, with / in `name` as -:

    <name>.predictions.jsonl (Prediction), <name>.failures.jsonl (Failure), <name>.seeds.jsonl (SeedScore) and, last,
    <name>.scores.json (Scores).
    """
    scores = summarise(texts, predictions, reference)
    stem = file_stem(name)
    write_jsonl(folder / f"{stem}.predictions.jsonl", predictions)
    write_jsonl(folder / f"{stem}.failures.jsonl", failures(texts, predictions))
    write_jsonl(folder / f"{stem}.seeds.jsonl", per_seed(texts, predictions))
    write_text(folder / f"{stem}.scores.json", scores.model_dump_json(indent=2) + "\n")
    return scores


def file_stem(name: str) -> str:
    """The name of an evaluation as the beginning of a file name: "transformers.js/wasm" is "transformers.js-wasm"."""
    return name.replace("/", "-")
