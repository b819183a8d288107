"""What is trained beside the splits: the forms in which people type the list's phrases, and everyday language.

Both are files of their own (`typed.jsonl`, `everyday.jsonl`), so that the splits go on saying what the teacher wrote.
No row of them is a near-duplicate of a text that is held out, and none contradicts a phrase of the list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pocketmoji.core.config import LONG_LIST, DatagenConfig
from pocketmoji.core.records import EVERYDAY, SPLITS, TYPED, Example, Seed, read_jsonl, write_jsonl
from pocketmoji.core.text.everyday import EverydayRow, everyday_rows
from pocketmoji.core.text.typed import typed_forms, words_of
from pocketmoji.datagen.filters.similarity import NearIndex, normalise_text

FORMS_OF_A_LONG_LIST = 4
BATCH = 1024


@dataclass(frozen=True)
class Everyday:
    """Everyday language as a list may have it: the rows that are no near-duplicate of a phrase of the list, and the
    ids of the seeds that are near one (they can't be held out: the base has seen them)."""

    rows: list[EverydayRow]
    left_out: int
    near: frozenset[str]


def everyday_for(seeds: Sequence[Seed], languages: Sequence[str], config: DatagenConfig) -> Everyday:
    """Everyday language and the names of the emoji in the seeds' languages, less what the list says itself: where both
    have a phrase, the list's answer is the one."""
    if not config.everyday:
        return Everyday([], 0, frozenset())
    rows = everyday_rows(languages)
    hits = _near(NearIndex(seed.text for seed in seeds), [row.text for row in rows])
    kept = [row for row, hit in zip(rows, hits, strict=True) if not hit]
    return Everyday(kept, len(rows) - len(kept), frozenset(seeds[n].seed_id for hit in hits for n in hit))


def write_beside(
    seeds: Sequence[Seed], heldout: set[str], everyday: Everyday, config: DatagenConfig, folder: Path
) -> dict[str, Any]:
    """Writes both files beside the splits, which must be there; what statistics.json says of them."""
    held = NearIndex(row.text for split in SPLITS[1:] for row in read_jsonl(folder / f"{split}.jsonl", Example))
    typed = typed_rows([seed for seed in seeds if seed.seed_id not in heldout], config)
    general = [
        Example(text=row.text, emoji=row.emoji, seed_id=f"{row.origin}-{number}", origin=row.origin)
        for number, row in enumerate(everyday.rows)
    ]
    kept: dict[str, list[Example]] = {}
    for name, rows in ((TYPED, typed), (EVERYDAY, general)):
        hits = _near(held, [row.text for row in rows])
        kept[name] = [row for row, hit in zip(rows, hits, strict=True) if not hit]
        write_jsonl(folder / name, kept[name])
    ways = Counter(row.origin.partition(":")[2] for row in kept[TYPED])
    return {
        "typed": dict(sorted(ways.items())),
        "everyday": dict(sorted(Counter(row.origin for row in kept[EVERYDAY]).items())),
        "everyday_left_out": {
            "near a phrase of the list": everyday.left_out,
            "near a text that is held out": len(general) - len(kept[EVERYDAY]),
        },
    }


def typed_rows(seeds: Sequence[Seed], config: DatagenConfig) -> list[Example]:
    """Every trained phrase as people type it; of a long list, a few forms each. A phrase that another one differs from
    in letter case or punctuation alone, with another answer, keeps to its own form, and none is clipped to words that
    another one has as well."""
    answers: dict[str, set[str]] = {}
    having: dict[str, set[int]] = {}
    for number, seed in enumerate(seeds):
        answers.setdefault(normalise_text(seed.text), set()).add(seed.emoji)
        for word in words_of(seed.text.lower()):
            having.setdefault(word, set()).add(number)

    def is_its_own(form: str, seed: Seed) -> bool:
        alike = set.intersection(*(having.get(word, set()) for word in form.lower().split()))
        return all(seeds[number].emoji == seed.emoji for number in alike)

    most = FORMS_OF_A_LONG_LIST if len(seeds) >= LONG_LIST else None
    return [
        Example(text=form, emoji=seed.emoji, seed_id=seed.seed_id, origin=f"typed:{way}")
        for seed in seeds
        if len(answers[normalise_text(seed.text)]) == 1
        for way, form in typed_forms(seed.text, config.random_seed, most)
        if way != "clipped" or is_its_own(form, seed)
    ]


def _near(index: NearIndex, texts: Iterable[str]) -> list[list[int]]:
    """For each text the numbers of those in the index that it is a near-duplicate of."""
    texts, found = list(texts), []
    for start in range(0, len(texts), BATCH):
        with index.batch(texts[start : start + BATCH]) as rows:
            found += [rows.near(row) for row in range(len(rows.texts))]
    return found
