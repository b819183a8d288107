"""Claim: threads that spin for a moment before they sleep train faster on an idle machine than threads that sleep at
once, and are not much slower beside a program that wants a core.

Each measurement is a process of its own, since libgomp reads its settings once: a few training steps of the real base
in a run's folder, with pocketmoji's setting and with OMP_WAIT_POLICY=PASSIVE alone, in turn, on an idle machine and
beside a program that never rests. One line of JSON at the end; exits 0 whether it holds or not.

    python -m benchmarks.thread_waits [RUN] [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.web_speed import another_program
from pocketmoji.cli import let_threads_rest
from pocketmoji.core.config import TrainConfig
from pocketmoji.core.console import say
from pocketmoji.core.workspace import read_json

BAR_IDLE, BAR_BUSY = 0.9, 1.4  # of the time with threads that sleep at once
STEPS, WINDOW = 5, 512


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?", default=Path("runs/personal"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        print(json.dumps(step_seconds(options.run)))
        return
    untold = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    ways = {"sleeps at once": untold | {"OMP_WAIT_POLICY": "PASSIVE"}, "spins first": dict(untold)}
    let_threads_rest(ways["spins first"])
    seconds: dict[str, list[float]] = {}
    for busy in (False, True):
        for _ in range(options.rounds):
            for way, environment in ways.items():
                with another_program() if busy else nullcontext():
                    took = in_process(options.run, environment)
                seconds.setdefault(f"{way}, {'busy' if busy else 'idle'}", []).append(took)
                say(f"{way}, {'busy' if busy else 'idle'}: {took:.2f} s a step")
    typical = {name: round(median(times), 3) for name, times in seconds.items()}
    ratio = {
        kind: round(
            median(
                a / b for a, b in zip(seconds[f"spins first, {kind}"], seconds[f"sleeps at once, {kind}"], strict=True)
            ),
            3,
        )
        for kind in ("idle", "busy")
    }
    result = {
        "claim": "threads that spin for a moment train faster on an idle machine, and bear a busy one",
        "value": ratio["idle"],
        "bar": BAR_IDLE,
        "holds": ratio["idle"] <= BAR_IDLE and ratio["busy"] <= BAR_BUSY,
        "busy": ratio["busy"],
        "bar_busy": BAR_BUSY,
        "seconds_a_step": typical,
        "rounds": options.rounds,
    }
    print(json.dumps(result))


def in_process(run: Path, environment: dict[str, str]) -> float:
    command = [sys.executable, "-m", "benchmarks.thread_waits", str(run), "--child"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def step_seconds(run: Path) -> float:
    """The median time of a step on rows of the run, from its base on, with the settings of a run."""
    import torch
    from transformers import AutoTokenizer

    from pocketmoji.core.grid import PRECISIONS
    from pocketmoji.train.loop.encoding import encode
    from pocketmoji.train.loop.nf4 import load_nf4
    from pocketmoji.train.loop.precision import choose_precision
    from pocketmoji.train.loop.shared_prefix import collate, feature, label_loss
    from pocketmoji.train.rows import rows_to_train

    config = TrainConfig()
    rows = rows_to_train(run / "dataset", config)
    random.Random(0).shuffle(rows)
    tokenizer: Any = AutoTokenizer.from_pretrained(run / "base")
    stop = int(tokenizer.convert_tokens_to_ids(read_json(run / "base" / "base.json")["stop"]["token"]))
    model = load_nf4(run / "base", choose_precision(), config, PRECISIONS[config.quantise])
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=config.learning_rate)
    times = []
    for number in range(STEPS):
        batch = rows[number * config.batch_size :][: config.batch_size]
        started = time.perf_counter()
        label_loss(model, collate([feature(encode(tokenizer, row, stop, 256)) for row in batch]), WINDOW).backward()
        optimiser.step()
        optimiser.zero_grad()
        times.append(time.perf_counter() - started)
    return median(times[1:])


if __name__ == "__main__":
    main()
