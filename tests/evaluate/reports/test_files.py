"""What an evaluation leaves for other programs: Parquet, lm-evaluation-harness, inspect_ai."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from pocketmoji.evaluate.reports.write import write_results
from pocketmoji.evaluate.run import Evaluation
from tests.evaluate.made_evaluation import make_evaluation

OWN = Path(__file__).resolve().parents[3] / ".venv-harness" / "bin" / "python"
HARNESS = Path(os.environ.get("POCKETMOJI_HARNESS", OWN))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evaluation, Path]:
    folder = tmp_path_factory.mktemp("evaluation")
    evaluation = make_evaluation(folder)
    write_results(evaluation, folder)
    return evaluation, folder


def test_parquet(made: tuple[Evaluation, Path]) -> None:
    import pyarrow.parquet

    evaluation, folder = made
    table = pyarrow.parquet.read_table(folder / "samples.parquet")
    rows = table.to_pylist()
    assert len(rows) == len(evaluation.texts) * 3 and set(table["runtime"].to_pylist()) == set(evaluation.predictions)
    untrained = next(row for row in rows if row["group"] == "heldout_seed")
    assert untrained["exact_match"] is None and untrained["transfer"] is not None and untrained["tokens"][-1] == 1
    recall = [row["seed_recall"] for row in rows if row["runtime"] == "tuned" and row["group"] == "seed"]
    interval = evaluation.scores["tuned"]["seed_recall"]
    assert interval is not None and sum(recall) / len(recall) == pytest.approx(interval.value)


def test_two_writings_are_the_same_bytes(made: tuple[Evaluation, Path], tmp_path: Path) -> None:
    evaluation, folder = made
    write_results(evaluation, tmp_path)
    for name in ("evaluation.json", "lm_eval/tuned/results.json", "lm_eval/tuned/samples_pocketmoji.jsonl"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def with_harness(program: str, *arguments: Path | str) -> dict[str, object]:
    """What `program` prints (JSON) in the environment that has inspect_ai and lm_eval, whose pins differ from ours."""
    if not HARNESS.is_file():
        pytest.skip("no .venv-harness: `make harness` makes it")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [HARNESS, "-c", program, *map(str, arguments)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_inspect_ai_reads_its_log(made: tuple[Evaluation, Path]) -> None:
    evaluation, folder = made
    program = """
import json, sys
from inspect_ai.log import read_eval_log, write_eval_log
log = read_eval_log(sys.argv[1])
again = sys.argv[1].replace(".json", ".eval")
write_eval_log(log, again)
log = read_eval_log(again)
sample = log.samples[0]
print(json.dumps({
    "status": log.status, "samples": len(log.samples), "model": log.eval.model, "output": sample.output.completion,
    "stop": sample.output.stop_reason, "target": sample.target, "roles": [m.role for m in sample.messages],
    "compliance": {s.name: s.metrics["mean"].value for s in log.results.scores}["compliance"],
    "score": sample.scores["f1"].value, "sorted": [s.id for s in log.samples] == list(range(1, len(log.samples) + 1)),
}))
"""
    found = with_harness(program, folder / "inspect" / "tuned.json")
    compliance = evaluation.scores["tuned"]["compliance"]
    first = evaluation.predictions["tuned"][0]
    assert compliance is not None and found == {
        "status": "success",
        "samples": len(evaluation.texts),
        "model": "pocketmoji/tuned",
        "output": first.raw,
        "stop": "stop",
        "target": evaluation.texts[0].emoji,
        "roles": ["system", "user", "assistant"],
        "compliance": compliance.value,
        "score": evaluation.columns["tuned"]["f1"][0],
        "sorted": True,
    }


def test_lm_eval_takes_its_results(made: tuple[Evaluation, Path]) -> None:
    evaluation, folder = made
    program = """
import json, sys
from pathlib import Path
from lm_eval.result_schema import EvalResults, SampleResult
from lm_eval.utils import make_table
from pydantic import TypeAdapter
results = json.loads(Path(sys.argv[1], "results.json").read_text("utf-8"))
assert set(results) <= set(EvalResults.__annotations__), set(results) - set(EvalResults.__annotations__)
TypeAdapter(EvalResults).validate_python(results)
samples = [json.loads(line) for line in Path(sys.argv[1], "samples_pocketmoji.jsonl").open(encoding="utf-8")]
for sample in samples:
    TypeAdapter(SampleResult).validate_python(sample)
print(json.dumps({"table": make_table(results), "samples": len(samples)}))
"""
    found = with_harness(program, folder / "lm_eval" / "tuned")
    assert found["samples"] == len(evaluation.texts)
    lines = str(found["table"]).split("\n")
    for measure in evaluation.measures.values():
        interval = evaluation.scores["tuned"][measure.name]
        rows = [line for line in lines if re.search(rf"\|{measure.name} *\|", line)]
        if interval is None:  # this evaluation has no texts of the metric's groups
            assert rows == [] and not {text.group for text in evaluation.texts} & set(measure.groups), measure.name
            continue
        (row,) = rows
        arrow = "↑" if measure.higher_is_better else "↓"
        assert arrow in row and f"{interval.value:.4f}" in row and "±" in row
