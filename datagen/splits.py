"""Which text goes into which split: by seed, and with no text or near-duplicate of one in two splits.

The order of placing decides who gives way. Seed texts stand where their seed stands; then come the evaluation splits,
which take only what is far from every seed text and from each other; the train split takes what is left, less
whatever is too near an evaluation text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from datagen.filters import Screen
from datagen.similarity import NearIndex
from datagen.teacher import Candidate
from pocketmoji.config import DatagenConfig
from pocketmoji.records import SPLITS, Example, Seed, Split

HELDOUT_SEED_PARAPHRASES = 2
VALIDATION_EVERY = 4
FEWEST_SEEDS_TO_HOLD_OUT = 8
NEAR_REASON = "near-duplicate of a text in another split"
SURPLUS_REASON = "more than asked for"


@dataclass
class Dataset:
    """The splits, and the seeds that got fewer paraphrases than the settings ask for: seed_id -> (got, wanted)."""

    splits: dict[Split, list[Example]] = field(default_factory=lambda: {split: [] for split in SPLITS})
    short: dict[str, tuple[int, int]] = field(default_factory=dict)


def choose_heldout_seeds(seeds: list[Seed], config: DatagenConfig) -> set[str]:
    """Ids of the seeds that are not trained: a fixed draw that does not depend on the order of the file.

    Only a seed whose text is no near-duplicate of another seed's can be held out, or its text would leak.
    """
    if not config.heldout_seeds or len(seeds) < FEWEST_SEEDS_TO_HOLD_OUT:
        return set()
    wanted = max(1, round(config.heldout_seeds * len(seeds)))
    index = NearIndex([seed.text for seed in seeds])
    alone = [seed for seed in seeds if len(index.near(seed.text)) == 1]
    return set(sorted((seed.seed_id for seed in alone), key=lambda i: _draw(config, i))[:wanted])


def wanted_paraphrases(seed: Seed, heldout: set[str], config: DatagenConfig) -> int:
    return HELDOUT_SEED_PARAPHRASES if seed.seed_id in heldout else config.paraphrases


def split_dataset(
    seeds: list[Seed],
    heldout: set[str],
    candidates: Mapping[str, list[Candidate]],
    config: DatagenConfig,
    screen: Screen,
) -> Dataset:
    """Places every accepted candidate in a split, or drops it through `screen` with the reason.

    `candidates` has the accepted ones by seed_id. Rows come in the order of `seeds`.
    """
    placer = _Placer()
    trained = [seed for seed in seeds if seed.seed_id not in heldout]
    for seed in seeds:
        split: Split = "heldout_seeds" if seed.seed_id in heldout else "train"
        placer.put(split, seed, Candidate(seed.text, "seed"))

    rest = {seed.seed_id: list(candidates.get(seed.seed_id, ())) for seed in seeds}
    got = dict.fromkeys(rest, 0)

    def take(split: Split, seed: Seed, count: int, *, drawn: bool) -> None:
        """Moves up to `count` candidates of a seed to a split: in the teacher's order, or drawn by lot."""
        pool = rest[seed.seed_id]
        for candidate in sorted(pool, key=lambda c: _draw(config, c.text)) if drawn else list(pool):
            if count <= 0:
                break
            if placer.is_clear(split, candidate.text):
                placer.put(split, seed, candidate)
                pool.remove(candidate)
                got[seed.seed_id] += 1
                count -= 1

    for seed in seeds:
        if seed.seed_id in heldout:
            take("heldout_seeds", seed, HELDOUT_SEED_PARAPHRASES, drawn=True)
    # By lot as well: neighbours in a file are often alike.
    for number, seed in enumerate(sorted(trained, key=lambda s: _draw(config, s.seed_id))):
        take("heldout_paraphrases", seed, config.heldout_paraphrases, drawn=True)
        if number % VALIDATION_EVERY == 0 and config.paraphrases > config.heldout_paraphrases:
            take("validation", seed, 1, drawn=True)
    for seed in trained:
        take("train", seed, config.paraphrases - got[seed.seed_id], drawn=False)

    short = {}
    for seed in seeds:
        own: Split = "heldout_seeds" if seed.seed_id in heldout else "train"
        for candidate in rest[seed.seed_id]:
            clear = placer.is_clear(own, candidate.text)
            screen.drop(seed, candidate, SURPLUS_REASON if clear else NEAR_REASON)
        wanted = wanted_paraphrases(seed, heldout, config)
        if got[seed.seed_id] < wanted:
            short[seed.seed_id] = (got[seed.seed_id], wanted)
    order = {seed.seed_id: seed.line for seed in seeds}
    splits = {split: sorted(rows, key=lambda row: order[row.seed_id]) for split, rows in placer.rows.items()}
    return Dataset(splits, short)


class _Placer:
    """The rows of each split, with an index over each to keep near-duplicates apart."""

    def __init__(self) -> None:
        self.rows: dict[Split, list[Example]] = {split: [] for split in SPLITS}
        self._indexes = {split: NearIndex() for split in SPLITS}

    def is_clear(self, split: Split, text: str) -> bool:
        """True if no *other* split has a near-duplicate of `text`."""
        return not any(index.near(text) for other, index in self._indexes.items() if other != split)

    def put(self, split: Split, seed: Seed, candidate: Candidate) -> None:
        row = Example(text=candidate.text, emoji=seed.emoji, seed_id=seed.seed_id, origin=candidate.origin)
        self.rows[split].append(row)
        self._indexes[split].add(candidate.text)


def _draw(config: DatagenConfig, value: str) -> str:
    """A key to sort by that is as good as a lot: it depends on the value and the random seed, on no order."""
    return hashlib.sha256(f"{config.random_seed}:{value}".encode()).hexdigest()
