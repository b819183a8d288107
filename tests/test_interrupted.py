"""A run that is killed in each of its stages, and goes on, ends as one left alone: a tiny model, the whole pipeline.

Each kill waits for what that stage leaves on disk first, not for a time; then SIGKILL and Ctrl-C take turns.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.core.workspace import MANIFEST, digest_file, read_json
from pocketmoji.report.summary import STAGES

SEEDS = Path(__file__).parent / "real.csv"
pytestmark = pytest.mark.browser
LONG = ("model", "evaluation", "export", "browser")
PATIENCE = 300.0


def command(base: Path, runs: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "pocketmoji", "run", "--seeds", str(SEEDS), "--runs", str(runs)),
        *("--base", str(base), "--keep-vocabulary", "--paraphrases", "2", "--max-steps", "40", "--batch-size", "4"),
        *("--everyday-rows", "24", "--replay", "8"),
        *("--max-texts", "6", "--no-litert", "--webgpu-texts", "0", "--mediapipe-texts", "0"),
    ]


def interrupt(arguments: list[str], stage: Path, number: int, told: Path) -> int:
    """Start the run, interrupt it once `stage` has left something, return its exit code; `told` gets its words."""
    before = set(stage.rglob("*")) if stage.exists() else set()
    with told.open("w") as said:
        process = subprocess.Popen(arguments, stdout=said, stderr=said)
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        if stage.exists() and set(stage.rglob("*")) - before:
            break
        time.sleep(0.002)
    process.send_signal(number)
    return process.wait(PATIENCE)


def results(run: Path) -> dict[str, Any]:
    """What must not depend on interruptions: the dataset and the weights by digest, the answers by their tokens."""
    found: dict[str, Any] = {path.name: digest_file(path) for path in (run / "dataset").glob("*.jsonl")}
    found["weights"] = digest_file(run / "model" / "model.safetensors")
    for stage in ("evaluation", "export", "browser"):
        for path in (run / stage).glob("*.predictions.jsonl"):
            rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            found[f"{stage}/{path.name}"] = [(row["text"], row["raw"], row["tokens"]) for row in rows]
    summary = read_json(run / "summary.json")
    return {**found, "scores": summary["scores"], "shipped": summary["shipped"]}


def test_killed_in_every_stage(tiny_model: Path, tmp_path: Path) -> None:
    left_alone, interrupted = tmp_path / "left_alone", tmp_path / "interrupted"
    finished = subprocess.run(command(tiny_model, left_alone), capture_output=True, text=True)
    assert finished.returncode == 1, finished.stderr  # it misses its gates: it is tiny and random
    assert (left_alone / "real" / "summary.json").exists(), finished.stderr
    for index, stage in enumerate(STAGES):
        folder = interrupted / "real" / stage
        number = (signal.SIGKILL, signal.SIGINT)[index % 2]
        told = tmp_path / f"{stage}.log"
        code = interrupt(command(tiny_model, interrupted), folder, number, told)
        assert code in (-signal.SIGKILL, 130), f"{stage}: {code}\n{told.read_text()}"
        if stage in LONG:
            assert not (folder / MANIFEST).exists(), f"{stage} ended before the signal"
    finished = subprocess.run(command(tiny_model, interrupted), capture_output=True, text=True)
    assert finished.returncode == 1, finished.stderr
    assert results(interrupted / "real") == results(left_alone / "real")
