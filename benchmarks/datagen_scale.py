"""A dry plan of a million rows (50,000 seeds x 20): planned, filtered from replayed replies, split, written; in how
much memory, and how fast. Nothing is sent: the replies come from a teacher that makes them up from the seed.

    python -m benchmarks.datagen_scale --seeds 50000
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from datagen.generate import generate
from datagen.model_teacher import plan
from datagen.teacher import Ask, Candidate
from pocketmoji.config import DatagenConfig
from pocketmoji.workspace import digest_folder, digest_json, peak_memory_bytes

LIMIT = 1 << 30


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
            texts = []
            for ask in request.asks:
                own = ask.seed.text.split()
                made = []
                for style in range(1, ask.wanted + 1):
                    said = [*rng.sample(own, len(own) // 2), *rng.choices(self._words, k=rng.randint(3, 6))]
                    rng.shuffle(said)
                    made.append((style, " ".join(said)))
                texts.append(made)
            yield from request.candidates(texts)
            done(len(request.asks))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50_000)
    count = parser.parse_args().seeds
    from wordfreq import top_n_list

    words = [word for word in top_n_list("en", 12_000) if word.isalpha() and len(word) > 2]
    faces = [chr(code) for code in range(0x1F600, 0x1F640)]
    config = DatagenConfig(paraphrases=20, teacher="openai", teacher_model="made-up")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seeds.csv"
        rng = random.Random(0)
        with open(path, "w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["text", "emoji"])
            for number in range(count):
                rows.writerow([" ".join([*rng.choices(words, k=rng.randint(3, 7)), str(number)]), rng.choice(faces)])
        teacher = Replayed(config, words)
        started = time.monotonic()
        generate(path, config, Path(folder) / "out", teacher)
        seconds = time.monotonic() - started
        statistics = json.loads((Path(folder) / "out" / "statistics.json").read_text("utf-8"))
        digest = digest_json(digest_folder(Path(folder) / "out"))
    peak = peak_memory_bytes()
    written = sum(statistics["splits"].values())
    accounted = statistics["candidates_received"] == statistics["candidates_kept"] + statistics["candidates_dropped"]
    print(
        json.dumps(
            {
                "claim": "a million rows are planned, filtered, split and written in less than 1 GiB",
                "value": {"peak_bytes": peak, "rows": written, "rows_per_second": round(written / seconds, 1)},
                "bar": {"peak_bytes": LIMIT, "rows": 20 * count * 0.9},
                "holds": peak < LIMIT and written >= 20 * count * 0.9 and accounted,
                "seeds": count,
                "requests_planned": teacher.requests,
                "received": statistics["candidates_received"],
                "dropped_by_reason": statistics["dropped_by_reason"],
                "near_leaks": {pair: leak["near"] for pair, leak in statistics["leaks"].items()},
                "seconds": round(seconds, 1),
                "digest": digest,
            }
        )
    )


if __name__ == "__main__":
    main()
