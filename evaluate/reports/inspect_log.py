"""A runtime's answers as a log that inspect_ai's reader and viewer open."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketmoji.core.text.prompt import messages
from pocketmoji.core.version import __version__
from pocketmoji.core.workspace import digest_json, write_text
from pocketmoji.evaluate.reports.lm_eval_files import standard_error
from pocketmoji.evaluate.scoring.answering import file_stem

if TYPE_CHECKING:
    from pocketmoji.evaluate.reports.evaluation import Evaluation


def write_inspect_logs(evaluation: Evaluation, folder: Path) -> None:
    """inspect/<runtime>.json in `folder`, in the JSON form of inspect_ai's logs (version 2 of EvalLog, 0.3.285)."""
    for name in evaluation.runtimes:
        # Without line breaks: json's fast encoder knows none, and nobody reads a log of thousands of samples by eye.
        text = json.dumps(log_of(evaluation, name), ensure_ascii=False)
        write_text(folder / "inspect" / f"{file_stem(name)}.json", text + "\n")


def log_of(evaluation: Evaluation, name: str) -> dict[str, Any]:
    """One EvalLog: a sample per text, a score per metric that is about it. Its only time is when it was written."""
    now = datetime.now(UTC).replace(microsecond=0).isoformat()
    about = evaluation.about.get(name, {})
    ids = list(range(1, len(evaluation.texts) + 1))
    identity = digest_json(
        {"about": about, "name": name, "texts": [t.model_dump(mode="json") for t in evaluation.texts]}
    )
    scores = [
        {
            "name": metric,
            "scorer": metric,
            "scored_samples": interval.n,
            "unscored_samples": len(ids) - interval.n,
            "metrics": {
                "mean": {"name": "mean", "value": interval.value},
                "stderr": {"name": "stderr", "value": standard_error(interval, evaluation.measures[metric].kind)},
            },
        }
        for metric, interval in evaluation.scores[name].items()
        if interval is not None
    ]
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "eval_id": identity[:22],
            "run_id": identity[22:44],
            "created": now,
            "task": "pocketmoji",
            "task_id": identity[44:64],
            "dataset": {"name": "pocketmoji", "samples": len(ids), "sample_ids": ids, "shuffled": False},
            "model": f"pocketmoji/{name}",
            "model_args": {"files": dict(about.get("files", {}))},
            "model_generate_config": {"max_tokens": evaluation.config.limit, "temperature": 0.0},
            "config": {"limit": evaluation.config.max_texts},
            "packages": {"pocketmoji": __version__, **about.get("versions", {})},
        },
        "plan": {"name": "greedy", "steps": [{"solver": "generate", "params": {}}]},
        "results": {"total_samples": len(ids), "completed_samples": len(ids), "scores": scores},
        "stats": {"started_at": now, "completed_at": now},
        "samples": [_sample(evaluation, name, i) for i in range(len(ids))],
    }


def _sample(evaluation: Evaluation, name: str, i: int) -> dict[str, Any]:
    text, said = evaluation.texts[i], evaluation.predictions[name][i]
    answer = {"role": "assistant", "content": said.raw, "id": f"answer-{i + 1}", "source": "generate"}
    asked = [{**message, "id": f"{message['role']}-{i + 1}"} for message in messages(text.text)]
    return {
        "id": i + 1,
        "epoch": 1,
        "input": text.text,
        "target": text.emoji,
        "messages": [*asked, answer],
        "output": {
            "model": f"pocketmoji/{name}",
            "choices": [{"message": answer, "stop_reason": "stop" if said.stopped else "max_tokens"}],
        },
        "scores": {
            measure.name: {"value": evaluation.columns[name][measure.name][i], "answer": said.raw}
            for measure in evaluation.measures.values()
            if text.group in measure.groups
        },
        "metadata": {"seed_id": text.seed_id, "group": text.group, "tokens": said.tokens},
    }
