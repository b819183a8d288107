"""One training in two processes, as `accelerate launch` starts them on two GPUs; here on the CPU."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pocketmoji.cli import main
from pocketmoji.core.errors import InputError
from pocketmoji.train.loop import processes

SETTINGS = ["--keep-vocabulary", "--max-steps=4", "--batch-size=4", "--learning-rate=1e-2", "--quantise=fp32"]
SETTINGS += ["--everyday-rows=12", "--replay=2", "--lora-rank=16"]
LAUNCH = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "pocketmoji"]


def test_two_processes_train_what_one_does(base: Path, dataset: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    dataset = shutil.copytree(dataset, tmp_path / "dataset")
    for split in ("heldout_paraphrases", "heldout_seeds"):
        (dataset / f"{split}.jsonl").touch()

    def command(folder: str) -> list[str]:
        return ["train", str(dataset), "--base", str(base), "--out", str(tmp_path / folder), "--json", *SETTINGS]

    assert main(command("one")) == 0
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    told = []
    for _ in range(2):  # the second time there is nothing to do, and no process waits for another
        done = subprocess.run(
            [sys.executable, *LAUNCH, *command("two")], env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        told.append(done.stderr)
        assert done.stdout.count('"steps": 4') == 1  # one process reports
    assert "train: unchanged, skipped" not in told[0] and "train: unchanged, skipped" in told[1]
    one, two = (load_file(tmp_path / folder / "model.safetensors") for folder in ("one", "two"))
    before = load_file(base / "model.safetensors")
    moved = max(float((one[name] - before[name].float()).abs().max()) for name in one)
    apart = max(float((one[name] - two[name]).abs().max()) for name in one)
    assert moved > 1e-2 and apart < 1e-2 * moved, (moved, apart)


def test_a_batch_that_cannot_be_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(InputError, match="16 rows cannot be shared by 3"):
        processes.share_of(16)
