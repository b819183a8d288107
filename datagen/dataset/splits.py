"""Which text goes into which split: by seed, and with no text or near-duplicate of one in two splits.

The filters have already seen to it that no accepted paraphrase is a near-duplicate of a seed or of another paraphrase,
so a split is drawn seed by seed, and a dataset of any size streams through. The card measures what came of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.records import Seed, Split
from pocketmoji.datagen.filters.similarity import NearIndex
from pocketmoji.datagen.requests.teacher import Candidate

HELDOUT_SEED_PARAPHRASES = 2
VALIDATION_EVERY = 4
FEWEST_SEEDS_TO_HOLD_OUT = 8


def choose_heldout_seeds(seeds: Sequence[Seed], config: DatagenConfig, known: frozenset[str] = frozenset()) -> set[str]:
    """Ids of the seeds that are not trained: a fixed draw that does not depend on the order of the file.

    Only a seed whose text is no near-duplicate of another seed's can be held out, or its text would leak; nor can one
    in `known`, which everyday language has, too.
    """
    if not config.heldout_seeds or len(seeds) < FEWEST_SEEDS_TO_HOLD_OUT:
        return set()
    wanted = max(1, round(config.heldout_seeds * len(seeds)))
    index = NearIndex(seed.text for seed in seeds)
    chosen: set[str] = set()
    for seed in sorted(seeds, key=lambda seed: _draw(config, seed.seed_id)):
        if len(chosen) == wanted:
            break
        if seed.seed_id not in known and len(index.near(seed.text)) == 1:
            chosen.add(seed.seed_id)
    return chosen


def choose_validated(seeds: Sequence[Seed], heldout: set[str], config: DatagenConfig) -> set[str]:
    """Ids of the trained seeds that give a paraphrase to the validation split: every fourth, by lot, since neighbours
    in a file are often alike."""
    if config.paraphrases <= config.heldout_paraphrases:
        return set()
    trained = sorted((seed.seed_id for seed in seeds if seed.seed_id not in heldout), key=lambda i: _draw(config, i))
    return set(trained[::VALIDATION_EVERY])


def wanted_paraphrases(seed: Seed, heldout: set[str], config: DatagenConfig) -> int:
    return HELDOUT_SEED_PARAPHRASES if seed.seed_id in heldout else config.paraphrases


def place(
    seed: Seed, candidates: Sequence[Candidate], heldout: set[str], validated: set[str], config: DatagenConfig
) -> tuple[list[tuple[Split, Candidate]], list[Candidate]]:
    """The rows of one seed with their splits, its own text first, and the candidates that were more than asked for.

    Held-out ones are drawn by lot, training takes the others in the teacher's order.
    """
    own: Split = "heldout_seeds" if seed.seed_id in heldout else "train"
    rows: list[tuple[Split, Candidate]] = [(own, Candidate(seed.text, "seed"))]
    # What a model wrote tests more than what rules did.
    drawn = sorted(candidates, key=lambda c: (c.origin.startswith("offline:"), _draw(config, c.text)))
    if own == "heldout_seeds":
        rows += [(own, candidate) for candidate in drawn[:HELDOUT_SEED_PARAPHRASES]]
        return rows, drawn[HELDOUT_SEED_PARAPHRASES:]
    tested = drawn[: config.heldout_paraphrases]
    watched = drawn[len(tested) : len(tested) + (seed.seed_id in validated)]
    taken = {candidate.text for candidate in [*tested, *watched]}
    rest = [candidate for candidate in candidates if candidate.text not in taken]
    trained = max(0, config.paraphrases - len(taken))
    rows += [("heldout_paraphrases", candidate) for candidate in tested]
    rows += [("validation", candidate) for candidate in watched]
    rows += [("train", candidate) for candidate in rest[:trained]]
    return rows, rest[trained:]


def _draw(config: DatagenConfig, value: str) -> str:
    """A key to sort by that is as good as a lot: it depends on the value and the random seed, on no order."""
    return hashlib.sha256(f"{config.random_seed}:{value}".encode()).hexdigest()
