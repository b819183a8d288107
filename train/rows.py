"""What a model is trained on: the list's rows, the forms in which people type its phrases, and everyday language."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from pocketmoji.core.config import TrainConfig
from pocketmoji.core.everyday import NAMES_EVERY, phrases_to_prepare
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
    """The training rows of a dataset folder: its split, `typed.jsonl`, and of `everyday.jsonl` as many rows as keep the
    general language that the prepared base has learnt. The order is the trainer's to shuffle."""
    rows = repeated([*_read(dataset / "train.jsonl"), *_read(dataset / TYPED)], config.seed_repeats)
    return rows + (to_replay(_read(dataset / EVERYDAY), config) if config.everyday else [])


def to_replay(everyday: list[Example], config: TrainConfig) -> list[Example]:
    """`config.replay` rows: phrases that the prepared base was not taught first, which teach more than a second look at
    those that it was, and names of emoji."""
    taught = {row.text for row in phrases_to_prepare(config.everyday_rows)}
    names = [row for row in everyday if row.origin != "everyday"]
    random.Random(config.random_seed + 1).shuffle(names)
    names = names[: config.replay // NAMES_EVERY]
    phrases = sorted((row for row in everyday if row.origin == "everyday"), key=lambda row: row.text in taught)
    return phrases[: config.replay - len(names)] + names


def repeated(examples: list[Example], times: int) -> list[Example]:
    """The rows with each seed's text, as it is and in capitals, `times` times: what is seen more is kept better."""
    return [row for row in examples for _ in range(times if row.origin in REPEATED else 1)]


def _read(path: Path) -> list[Example]:
    return read_jsonl(path, Example) if path.is_file() else []
