"""What a model is trained on: the list's rows, the forms in which people type its phrases, and everyday language."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from pocketmoji.core.config import TrainConfig
from pocketmoji.core.records import EVERYDAY, TYPED, Example, read_jsonl

# In capitals a phrase has hardly a token in common with itself.
REPEATED = ("seed", "typed:capitals")


@dataclass(frozen=True)
class Prepared:
    """A prepared base (prepare.py): the adapter's folder, the seconds that it took, the rows it has learnt."""

    adapter: Path
    seconds: float
    rows: int


def rows_to_train(dataset: Path, config: TrainConfig) -> list[Example]:
    """The training rows of a dataset folder: its split, `typed.jsonl`, and of `everyday.jsonl` as many rows as are
    replayed so that the general language which the prepared base has learnt is not lost. The
    order is the trainer's to shuffle."""
    rows = repeated([*_read(dataset / "train.jsonl"), *_read(dataset / TYPED)], config.seed_repeats)
    everyday = _read(dataset / EVERYDAY) if config.everyday else []
    random.Random(config.random_seed).shuffle(everyday)
    return rows + everyday[: config.replay]


def repeated(examples: list[Example], times: int) -> list[Example]:
    """The rows with each seed's text, as it is and in capitals, `times` times: what is seen more is kept better."""
    return [row for row in examples for _ in range(times if row.origin in REPEATED else 1)]


def _read(path: Path) -> list[Example]:
    return read_jsonl(path, Example) if path.is_file() else []
