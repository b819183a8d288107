"""Claim: the pruned 4-bit model decodes twice as fast as the same one with the full vocabulary, and loads in a third.

Both sides are the untuned real Gemma 3 270M in the 4-bit layout that ships (speed does not depend on what it says), one
with all 262,144 tokens as the post's demo has it, one pruned to the default size. Each runs in processes of its own, in
turn, on ONNX Runtime's CPU kernels; the memory is the process's peak, Python included. One line of JSON at the end.

    python -m benchmarks.decode_speed [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BAR_SPEED, BAR_LOAD, BAR_MEMORY = 2.0, 1 / 3, 300_000_000
PROMPTS, TOKENS = 4, 16
SIDES = ("full", "pruned")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", type=Path, help="for the benchmark's own use: the web folder to run")
    options = parser.parse_args(arguments)
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        make_sides(work)
        found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
        for _ in range(options.rounds):
            for side in SIDES:
                command = [sys.executable, "-m", "benchmarks.decode_speed", "--measure", str(work / side)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                found[side].append(json.loads(done.stdout.splitlines()[-1]))
        sizes = {side: (work / side / "onnx" / "model_q4.onnx").stat().st_size for side in SIDES}
    report(found, sizes)


def make_sides(work: Path) -> None:
    from pocketmoji.core.config import DatagenConfig, TrainConfig
    from pocketmoji.datagen.stage import make_dataset
    from pocketmoji.export.onnx.folder import export_onnx
    from pocketmoji.train.base.weights import resolve_base
    from pocketmoji.train.stage import make_base

    make_dataset(Path("seeds/personal.csv"), DatagenConfig(teacher="offline"), work / "dataset")
    for side in SIDES:
        make_base(work / "dataset", TrainConfig(keep_vocabulary=side == "full"), work / f"{side}-base")
        export_onnx(work / f"{side}-base", work / side, ["q4"], resolve_base("auto").name)


def measure(web: Path) -> dict[str, float]:
    """Load time, tokens per second after each prompt's first, and memory, of one model in this process."""
    import numpy as np
    import onnxruntime
    from tokenizers import Tokenizer

    from pocketmoji.core.text.prompt import render
    from pocketmoji.export.onnx.folder import onnx_file

    tokenizer = Tokenizer.from_file(str(web / "tokenizer.json"))
    started = time.perf_counter()
    session = onnxruntime.InferenceSession(str(onnx_file(web, "q4")), providers=["CPUExecutionProvider"])
    load = time.perf_counter() - started
    caches = [item for item in session.get_inputs() if item.name.startswith("past_key_values.")]
    names = [output.name for output in session.get_outputs()]
    speeds, firsts = [], []
    for number in range(PROMPTS):
        prompt = tokenizer.encode(render(f"This is prompt number {number}, let us party"), add_special_tokens=False).ids
        ids = np.array([prompt], np.int64)
        past: dict[str, Any] = {item.name: np.zeros((1, item.shape[1], 0, item.shape[3]), "float32") for item in caches}
        length, times = len(prompt), []
        for _ in range(TOKENS):
            feed = {"input_ids": ids, "attention_mask": np.ones((1, length), np.int64), **past}
            begun = time.perf_counter()
            outputs = session.run(None, feed | {"num_logits_to_keep": np.array(1)})
            times.append(time.perf_counter() - begun)
            made = dict(zip(names, outputs, strict=True))
            ids = made.pop("logits")[:, -1].argmax(-1)[:, None].astype(np.int64)
            past = {name.replace("present.", "past_key_values.", 1): value for name, value in made.items()}
            length += 1
        firsts.append(times[0])
        speeds.append((TOKENS - 1) / sum(times[1:]))
    status = Path("/proc/self/status").read_text()
    memory = {
        key: int(line.split()[1]) * 1024
        for line in status.splitlines()
        for key in ("VmHWM", "VmRSS")
        if line.startswith(key)
    }
    return {
        "load_s": load,
        "first_token_s": statistics.median(firsts),
        "tokens_per_s": statistics.median(speeds),
        "peak_bytes": memory["VmHWM"],
        "bytes": memory["VmRSS"],
    }


def report(found: dict[str, list[dict[str, float]]], sizes: dict[str, int]) -> None:
    def ratios(key: str) -> list[float]:
        return [ours[key] / full[key] for ours, full in zip(found["pruned"], found["full"], strict=True)]

    speed, load = statistics.median(ratios("tokens_per_s")), statistics.median(ratios("load_s"))
    memory = statistics.median(run["peak_bytes"] for run in found["pruned"])
    result = {
        "claim": "pruned, 4 bits: twice the full vocabulary's decoding speed, a third of the load time, below 300 MB",
        "value": round(speed, 2),
        "bar": BAR_SPEED,
        "holds": speed >= BAR_SPEED and load <= BAR_LOAD and memory <= BAR_MEMORY,
        "load_ratio": round(load, 3),
        "load_bar": round(BAR_LOAD, 3),
        "peak_bytes": memory,
        "memory_bar": BAR_MEMORY,
        "file_bytes": sizes,
        "medians": {
            side: {key: round(statistics.median(run[key] for run in runs), 3) for key in runs[0]}
            for side, runs in found.items()
        },
        "rounds": len(found["full"]),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
