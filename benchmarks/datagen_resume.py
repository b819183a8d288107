"""A run of datagen that is killed at random moments and started again: same bytes, hardly a reply paid for twice.

200 seeds against a local server that speaks Gemini's protocol and always gives the same reply to the same request. One
side is the run that nobody interrupts, the other the same run killed with SIGKILL at a random moment and then started
again to its end, as many times as --kills says. Of every ten, three are finished by another executor than the one that
they were begun with: async then ray (two workers on this machine), async then gemini-batch, gemini-batch then async.

A reply counts as paid when it was sent to a process that was there to receive it. What was in flight when the process
died (at most four requests a kill, `replies_to_the_dead`) is asked for again by necessity, and counted apart.

    python -m benchmarks.datagen_resume --kills 100
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from pocketmoji.core.workspace import digest_json
from tests.datagen.model_server import Answer, Asked, ModelServer, good

SEEDS = 200
LATENCY = 0.02
CHANGES = {7: ("async", "ray"), 8: ("async", "gemini-batch"), 9: ("gemini-batch", "async")}


class Recorded(ModelServer):
    """Counts how often each request's reply was received, and the replies to processes that were dead by then."""

    def __init__(self) -> None:
        super().__init__()
        self.received: Counter[str] = Counter()
        self.lost = 0

    def answer(self, asked: Asked) -> Answer:
        time.sleep(LATENCY)
        return good(asked)

    def delivered(self, asked: Asked, alive: bool) -> None:
        if alive:
            self.received[digest_json(asked)] += 1
        else:
            self.lost += 1


def write_seeds(path: Path) -> None:
    """Seeds with different words, so that the filters have little to do."""
    rng = random.Random(7)
    things = ["ferry", "oven", "violin", "glacier", "pigeon", "laptop", "tulip", "drum", "castle", "noodle"]
    doings = ["is late again", "got a new name", "needs our help", "won the prize", "went missing", "sounds wrong"]
    faces = "🚢🔥🎻🧊🐦💻🌷🥁🏰🍜"
    with open(path, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "emoji"])
        for number in range(SEEDS):
            thing = rng.randrange(10)
            code = "".join(rng.choices("bcdfghklmnprstvz", k=3) + rng.choices("aeiou", k=2) + rng.choices("mnrt", k=2))
            rows.writerow([f"The {things[thing]} {code} {doings[number % 6]}", faces[thing]])


def run(seeds: str, out: str, url: str, executor: str) -> None:
    """A whole run, in a process of its own that was forked with everything imported."""

    from pocketmoji.cli import main

    sys.exit(
        main(
            [
                *("datagen", seeds, "--out", out, "--teacher", "gemini", "--base-url", url, "--executor", executor),
                *("--concurrency", "4", "--seeds-per-request", "2", "--paraphrases", "4"),
            ]
        )
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a dataset but the manifest (it has the seconds) and hidden ones."""
    found = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".") and p.name != "manifest.json"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    kills = parser.parse_args().kills
    os.environ |= {"GEMINI_API_KEY": "recorded", "NO_PROXY": "127.0.0.1"}
    os.environ.pop("RAY_ADDRESS", None)
    import ray

    cluster = ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    os.environ["RAY_ADDRESS"] = cluster.address_info["address"]
    forked = multiprocessing.get_context("forkserver")
    forked.set_forkserver_preload(
        ["google.genai", "pyarrow.parquet", "wordfreq", "pocketmoji.datagen.generate", "pocketmoji.cli"]
    )
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as folder, Recorded() as server:
        root = Path(folder)
        write_seeds(root / "seeds.csv")

        def start(out: Path, executor: str) -> Any:
            process = forked.Process(target=run, args=(str(root / "seeds.csv"), str(out), server.url, executor))
            process.start()
            return process

        def finish(out: Path, executor: str) -> None:
            process = start(out, executor)
            process.join()
            if process.exitcode:
                raise SystemExit(f"a run that nobody killed ended with {process.exitcode}")

        finish(root / "warm", "async")
        server.received.clear()
        started = time.monotonic()
        finish(root / "whole", "async")
        seconds = time.monotonic() - started
        whole, planned = contents(root / "whole"), len(server.received)
        identical = repeated = paid = interrupted = 0
        began: Counter[str] = Counter()
        for number in range(kills):
            server.received.clear()
            server.jobs.clear()
            first, second = CHANGES.get(number % 10, ("async", "async"))
            out = root / f"killed-{number}"
            process = start(out, first)
            process.join(rng.uniform(0.1, seconds))
            interrupted += process.is_alive()
            process.kill()
            process.join()
            began[f"{first} then {second}"] += 1
            finish(out, second)
            identical += contents(out) == whole
            paid += sum(server.received.values())
            repeated += sum(count - 1 for count in server.received.values())
            print(
                f"{number + 1}/{kills}: {identical} identical, {repeated} of {paid} replies repeated", file=sys.stderr
            )
            shutil.rmtree(out)
    ray.shutdown()
    share = repeated / max(1, paid)
    print(
        json.dumps(
            {
                "claim": "a killed run of datagen ends with the same bytes, and pays for at most 1% of replies again",
                "value": {"identical": identical, "of": kills, "repeated_share": round(share, 5)},
                "bar": {"identical": kills, "repeated_share": 0.01},
                "holds": identical == kills and share <= 0.01,
                "killed_before_the_end": interrupted,
                "requests_of_a_run": planned,
                "replies": paid,
                "replies_repeated": repeated,
                "replies_to_the_dead": server.lost,
                "executors": dict(began),
                "seconds_uninterrupted": round(seconds, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
