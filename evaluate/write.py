"""The files of an evaluation, each in the form that its reader expects."""

from __future__ import annotations

from pathlib import Path

from evaluate.gate_files import write_gates
from evaluate.run import Evaluation, summary_of
from pocketmoji.workspace import write_json


def write_results(evaluation: Evaluation, folder: Path) -> None:
    """evaluation.json, and gates.md and gates.xml if there are gates."""
    write_json(folder / "evaluation.json", summary_of(evaluation))
    if evaluation.gates:
        write_gates(evaluation.gates, folder)
