"""A runtime's scores in the shape of lm-evaluation-harness' results, so that its tables and whatever reads them can."""

from __future__ import annotations

import hashlib
import json
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketmoji.core.records import Interval
from pocketmoji.core.text.prompt import asked
from pocketmoji.core.workspace import write_json, write_text
from pocketmoji.evaluate.runtimes.opened import artefact_digest
from pocketmoji.evaluate.scoring.answering import file_stem
from pocketmoji.evaluate.statistics.proportion import Z_95

if TYPE_CHECKING:
    from pocketmoji.evaluate.reports.evaluation import Evaluation

TASK = "pocketmoji"
FILTER = "none"


def write_lm_eval(evaluation: Evaluation, folder: Path) -> None:
    """lm_eval/<runtime>/results.json and samples_pocketmoji.jsonl in `folder`.

    Source of the shape: lm_eval/result_schema.py of lm-evaluation-harness 0.4.13 (EvalResults, SampleResult).
    """
    for name in evaluation.runtimes:
        target = folder / "lm_eval" / file_stem(name)
        write_json(target / "results.json", results_of(evaluation, name))
        lines = (json.dumps(sample, ensure_ascii=False) + "\n" for sample in samples_of(evaluation, name))
        write_text(target / f"samples_{TASK}.jsonl", "".join(lines))


def results_of(evaluation: Evaluation, name: str) -> dict[str, Any]:
    """The harness' EvalResults: one task with every metric that has texts."""
    about, config = evaluation.about.get(name, {}), evaluation.config
    metrics: dict[str, Any] = {"name": TASK, "alias": TASK, "sample_len": len(evaluation.texts)}
    for metric, interval in evaluation.scores[name].items():
        if interval is not None:
            metrics[f"{metric},{FILTER}"] = interval.value
            metrics[f"{metric}_stderr,{FILTER}"] = standard_error(interval, evaluation.measures[metric].kind)
    count = len(evaluation.texts)
    return {
        "results": {TASK: metrics},
        "group_subtasks": {TASK: []},
        "configs": {TASK: {"task": TASK, "output_type": "generate_until", "num_fewshot": 0, "repeats": 1}},
        "versions": {TASK: 1},
        "n-shot": {TASK: 0},
        "higher_is_better": {TASK: {m.name: m.higher_is_better for m in evaluation.measures.values()}},
        "n-samples": {TASK: {"original": count, "effective": count}},
        "config": {
            "model": about.get("kind", name),
            "model_args": {"name": name, "artefact": artefact_digest(about)},
            "batch_size": str(config.batch_size),
            "gen_kwargs": {"do_sample": False, "max_gen_toks": config.limit},
            "random_seed": config.random_seed,
        },
        "model_source": about.get("kind", name),
        "model_name": name,
        "model_name_sanitized": file_stem(name),
    }


def samples_of(evaluation: Evaluation, name: str) -> list[dict[str, Any]]:
    """The harness' SampleResult per text; only the metrics that are about the text are named and given."""
    found = []
    settings = {"do_sample": False, "max_gen_toks": evaluation.config.limit}
    for i, (text, said) in enumerate(zip(evaluation.texts, evaluation.predictions[name], strict=True)):
        doc, prompt = text.model_dump(mode="json"), asked(text.text)
        metrics = [m.name for m in evaluation.measures.values() if text.group in m.groups]
        found.append(
            {
                "doc_id": i,
                "doc": doc,
                "target": text.emoji,
                "arguments": {"gen_args_0": {"arg_0": prompt, "arg_1": settings}},
                "resps": [[said.raw]],
                "filtered_resps": [said.raw],
                "filter": FILTER,
                "metrics": metrics,
                "doc_hash": _sha256(_indented(doc)),
                "prompt_hash": _sha256(prompt),
                "target_hash": _sha256(text.emoji),
                **{metric: evaluation.columns[name][metric][i] for metric in metrics},
            }
        )
    return found


def standard_error(interval: Interval, kind: str) -> float:
    """Of a proportion the binomial one, of a mean what its interval would have if it were normal."""
    if kind == "proportion":
        return sqrt(interval.value * (1 - interval.value) / interval.n)
    return (interval.high - interval.low) / (2 * Z_95)


def _indented(doc: dict[str, str]) -> str:
    """What json.dumps(doc, indent=2) gives, by the fast encoder, which knows no indentation."""
    fields = (f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in doc.items())
    return "{\n  " + ",\n  ".join(fields) + "\n}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
