"""The files of an evaluation, each in the form that its reader expects."""

from __future__ import annotations

from pathlib import Path

from pocketmoji.core.workspace import write_json
from pocketmoji.evaluate.gates.gate_files import write_gates
from pocketmoji.evaluate.reports.evaluation import Evaluation, summary_of
from pocketmoji.evaluate.reports.evaluation_page import write_page
from pocketmoji.evaluate.reports.inspect_log import write_inspect_logs
from pocketmoji.evaluate.reports.lm_eval_files import write_lm_eval
from pocketmoji.evaluate.reports.samples_file import write_samples


def write_results(evaluation: Evaluation, folder: Path) -> None:
    """evaluation.html for people; evaluation.json, samples.parquet, lm_eval/ and inspect/ for programs; gates.md and
    gates.xml if there are gates."""
    write_samples(evaluation, folder)
    write_lm_eval(evaluation, folder)
    write_inspect_logs(evaluation, folder)
    write_page(evaluation, folder)
    if evaluation.gates:
        write_gates(evaluation.gates, folder)
    write_json(folder / "evaluation.json", summary_of(evaluation))
