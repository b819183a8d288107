"""How much of each held-out split also stands in another split, measured on the files that were written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, islice
from pathlib import Path
from typing import Any

from pocketmoji.core.records import SPLITS, Example
from pocketmoji.datagen.filters.similarity import NEAR, MinHash, NearIndex, normalise_text

MEASURES = ("exact", "normalised", "near", "minhash")
FINE_HASHES = 256
BATCH = 1024


def measure_leaks(folder: Path) -> dict[str, dict[str, float | int]]:
    """For each pair of splits "first / second": how many texts of the second also stand in the first, and the shares.

    exact: the same characters; normalised: but for letter case, spaces and punctuation; near: Jaccard similarity of
    character 5-grams >= 0.8, checked exactly; minhash: the same as estimated from 256 hashes alone. The hash
    functions are others than the filters', so that what those miss by bad luck is not missed here for the same reason.
    """
    found = {}
    fine = MinHash(random_seed=2, hashes=FINE_HASHES)
    for second in SPLITS[1:]:
        texts = list(_texts(folder / f"{second}.jsonl"))
        index = NearIndex(texts, random_seed=1)
        for first in SPLITS[: SPLITS.index(second)]:
            hit: dict[str, set[int]] = {measure: set() for measure in MEASURES}
            for batch in _batches(_texts(folder / f"{first}.jsonl")):
                pairs = []
                with index.batch(batch) as rows:
                    for row, text in enumerate(batch):
                        if near := rows.near(row):
                            normal = normalise_text(text)
                            hit["near"].update(near)
                            hit["exact"].update(n for n in near if texts[n] == text)
                            hit["normalised"].update(n for n in near if normalise_text(texts[n]) == normal)
                        pairs += [(row, n) for n in rows.estimated(row)]
                if pairs:
                    ours = fine.signatures([batch[row] for row, _ in pairs])
                    theirs = fine.signatures([texts[n] for _, n in pairs])
                    alike = (ours == theirs).mean(axis=1) >= NEAR
                    hit["minhash"].update(n for (_, n), near_enough in zip(pairs, alike, strict=True) if near_enough)
            count = {measure: len(numbers) for measure, numbers in hit.items()}
            rates = {f"{m}_rate": round(n / len(texts), 4) if texts else 0.0 for m, n in count.items()}
            found[f"{first} / {second}"] = {"texts": len(texts), **count, **rates}
    return {f"{a} / {b}": found[f"{a} / {b}"] for a, b in combinations(SPLITS, 2)}


def shared_seeds(folder: Path) -> int:
    """How many seeds of heldout_seeds have a row in any other split. It must be none."""
    heldout = {row.seed_id for row in rows_of(folder / "heldout_seeds.jsonl")}
    shared = {
        row.seed_id for split in SPLITS[:3] for row in rows_of(folder / f"{split}.jsonl") if row.seed_id in heldout
    }
    return len(shared)


def worst_leak(leaks: dict[str, dict[str, Any]]) -> tuple[str, float]:
    """The pair of splits with the largest share of near-duplicates, and that share."""
    pair = max(leaks, key=lambda name: leaks[name]["near"] / max(1, leaks[name]["texts"]))
    return pair, leaks[pair]["near"] / max(1, leaks[pair]["texts"])


def rows_of(path: Path) -> Iterator[Example]:
    """The rows of a split, one by one."""
    with open(path, encoding="utf-8", newline="\n") as file:
        for line in file:
            yield Example.model_validate_json(line)


def _texts(path: Path) -> Iterator[str]:
    for row in rows_of(path):
        yield row.text


def _batches(texts: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(texts, BATCH)):
        yield batch
