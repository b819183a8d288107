"""A dry plan of a million rows (50,000 seeds x 20): planned, filtered from replayed replies, split, written; in how
much memory, and how fast. Nothing is sent: the replies come from a teacher that makes them up from the seed.

    python -m benchmarks.datagen_scale --seeds 50000

With --ray the requests are sent: by the async executor, then by the ray executor with two workers on this machine, both
to a local server whose replies depend on the request alone. The two datasets must be the same, byte for byte.

    python -m benchmarks.datagen_scale --ray --seeds 5000
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.workspace import digest_folder, digest_json, peak_memory_bytes
from pocketmoji.datagen.generate import generate
from pocketmoji.datagen.requests.teacher import Ask, Candidate
from pocketmoji.datagen.teachers.model_teacher import plan
from tests.datagen.model_server import Answer, Asked, ModelServer, items, reply

LIMIT = 1 << 30
PARAPHRASES = 20
RAY_WORKERS = 2


def made_up(text: str, words: Sequence[str], rng: random.Random) -> str:
    """Half of a seed's words among others, so that the filters have something to compare."""
    own = text.split()
    said = [*rng.sample(own, len(own) // 2), *rng.choices(words, k=rng.randint(3, 6))]
    rng.shuffle(said)
    return " ".join(said)


class Replayed:
    """Plans every request as a model teacher does (prompt and fingerprint), and answers it without a model."""

    name = "replayed:made-up"
    exhausted = ""

    def __init__(self, config: DatagenConfig, words: list[str]) -> None:
        self._config, self._words = config, words
        self.requests = 0

    def paraphrase(self, asks: Sequence[Ask], done: Callable[[int], None]) -> Iterator[list[Candidate]]:
        for request in plan(self.name, asks, self._config):
            rng = random.Random(request.fingerprint)
            self.requests += 1
            texts = [
                [(style, made_up(ask.seed.text, self._words, rng)) for style in range(1, ask.wanted + 1)]
                for ask in request.asks
            ]
            yield from request.candidates(texts)
            done(len(request.asks))


def replied(asked: Asked, *, words: Sequence[str]) -> Answer:
    """The server's reply to a request: always the same to the same one."""
    rng = random.Random(digest_json(asked))
    return reply(items(asked, lambda seed, style: made_up(seed["text"], words, rng)))


def write_seeds(path: Path, count: int, words: Sequence[str]) -> None:
    faces = [chr(code) for code in range(0x1F600, 0x1F640)]
    rng = random.Random(0)
    with open(path, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "emoji"])
        for number in range(count):
            rows.writerow([" ".join([*rng.choices(words, k=rng.randint(3, 7)), str(number)]), rng.choice(faces)])


def dry(seeds: Path, folder: Path, count: int, words: list[str]) -> dict[str, Any]:
    """The plan without requests."""
    config = DatagenConfig(paraphrases=PARAPHRASES, teacher="openai", teacher_model="made-up")
    teacher = Replayed(config, words)
    started = time.monotonic()
    generate(seeds, config, folder / "out", teacher)
    seconds = time.monotonic() - started
    statistics = json.loads((folder / "out" / "statistics.json").read_text("utf-8"))
    peak = peak_memory_bytes()
    written, least = sum(statistics["splits"].values()), PARAPHRASES * count * 0.9
    accounted = statistics["candidates_received"] == statistics["candidates_kept"] + statistics["candidates_dropped"]
    return {
        "claim": "a million rows are planned, filtered, split and written in less than 1 GiB",
        "value": {"peak_bytes": peak, "rows": written, "rows_per_second": round(written / seconds, 1)},
        "bar": {"peak_bytes": LIMIT, "rows": least},
        "holds": peak < LIMIT and written >= least and accounted,
        "seeds": count,
        "requests_planned": teacher.requests,
        "received": statistics["candidates_received"],
        "dropped_by_reason": statistics["dropped_by_reason"],
        "near_leaks": {pair: leak["near"] for pair, leak in statistics["leaks"].items()},
        "seconds": round(seconds, 1),
        "digest": digest_json(digest_folder(folder / "out")),
    }


def on_two_executors(seeds: Path, folder: Path, count: int, words: list[str]) -> dict[str, Any]:
    """The same dataset by one process and by Ray workers."""
    import ray

    os.environ |= {"NO_PROXY": "127.0.0.1", "OPENAI_API_KEY": "none"}
    os.environ.pop("RAY_ADDRESS", None)
    ray.init(num_cpus=RAY_WORKERS, include_dashboard=False, log_to_driver=False, configure_logging=False)
    digests, speed, rows = {}, {}, 0
    with ModelServer(always=partial(replied, words=words)) as server:
        for executor in ("async", "ray"):
            config = DatagenConfig(
                paraphrases=PARAPHRASES,
                teacher="openai",
                teacher_model="made-up",
                base_url=f"{server.url}/v1",
                executor=executor,
            )
            started = time.monotonic()
            generate(seeds, config, folder / executor)
            seconds = time.monotonic() - started
            statistics = json.loads((folder / executor / "statistics.json").read_text("utf-8"))
            rows = sum(statistics["splits"].values())
            speed[executor] = round(rows / seconds, 1)
            digests[executor] = digest_json(digest_folder(folder / executor))
            sent = len(server.requests)
            server.requests.clear()
    ray.shutdown()
    return {
        "claim": f"{RAY_WORKERS} Ray workers and one process give the same dataset",
        "value": digests,
        "bar": "equal digests",
        "holds": digests["async"] == digests["ray"],
        "seeds": count,
        "rows": rows,
        "requests": sent,
        "rows_per_second": speed,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50_000)
    parser.add_argument("--ray", action="store_true", help="send the requests, in one process and from Ray workers")
    options = parser.parse_args()
    from wordfreq import top_n_list

    words = [word for word in top_n_list("en", 12_000) if word.isalpha() and len(word) > 2]
    measure = on_two_executors if options.ray else dry
    with tempfile.TemporaryDirectory() as folder:
        seeds = Path(folder) / "seeds.csv"
        write_seeds(seeds, options.seeds, words)
        print(json.dumps(measure(seeds, Path(folder), options.seeds, words)))


if __name__ == "__main__":
    main()
