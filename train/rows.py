"""What a model is trained on: the list's rows, the forms in which people type its phrases, and everyday language."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from pocketmoji.core.config import TrainConfig
from pocketmoji.core.records import EVERYDAY, TYPED, Example, read_jsonl
from pocketmoji.core.text.everyday import NAMES_EVERY, phrases_to_prepare
from pocketmoji.core.text.typed import restyled

FRESH_EVERY = 4


@dataclass(frozen=True)
class Prepared:
    """A prepared base (prepare.py): the adapter's folder, the seconds that it took, the rows it has learnt."""

    adapter: Path
    seconds: float
    rows: int


def rows_to_train(dataset: Path, config: TrainConfig) -> list[Example]:
    """The training rows of a dataset folder: its split, `typed.jsonl`, and of `everyday.jsonl` as many rows as keep the
    general language that the prepared base has learnt. The order is the trainer's to shuffle."""
    rows = repeated([*_read(dataset / "train.jsonl"), *_read(dataset / TYPED)], config)
    return rows + (to_replay(_read(dataset / EVERYDAY), config) if config.everyday else [])


def to_replay(everyday: list[Example], config: TrainConfig) -> list[Example]:
    """`config.replay` rows: names of emoji, and of the phrases one in four that the prepared base was not taught, from
    the first on."""
    source = random.Random(config.random_seed + 1)
    taught = {row.text for row in phrases_to_prepare(config.everyday_rows)}
    names = [row for row in everyday if row.origin != "everyday"]
    known = [row for row in everyday if row.origin == "everyday" and row.text in taught]
    fresh = [row for row in everyday if row.origin == "everyday" and row.text not in taught]
    source.shuffle(names)
    source.shuffle(known)
    names = names[: config.replay // NAMES_EVERY]
    phrases = config.replay - len(names)
    fresh = fresh[: max(phrases // FRESH_EVERY, phrases - len(known))]
    return [_restyled(row, config) for row in known[: phrases - len(fresh)] + fresh + names]


def repeated(examples: list[Example], config: TrainConfig) -> list[Example]:
    """The rows with each seed's text and each paraphrase as often as `config` says: what is seen more is kept better.
    A paraphrase is seen once as it is, then as others would type it."""

    def times(row: Example) -> int:
        if row.origin == "seed":
            return config.seed_repeats
        return 1 if row.origin.startswith("typed:") else config.paraphrase_repeats

    def again(row: Example, time: int) -> Example:
        return row if time == 0 or row.origin == "seed" else _restyled(row, config, time)

    return [again(row, time) for row in examples for time in range(times(row))]


def _restyled(row: Example, config: TrainConfig, time: int = 0) -> Example:
    """The order's own generator is not used up: a row is dressed alike wherever it stands."""
    source = random.Random(f"{config.random_seed}:{time}:{row.text}:replayed")
    return row.model_copy(update={"text": restyled(row.text, source)})


def _read(path: Path) -> list[Example]:
    return read_jsonl(path, Example) if path.is_file() else []
