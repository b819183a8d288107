"""`pocketmoji datagen inspect DIR`: what a dataset is like, and how near its held-out texts are to what is trained."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path
from typing import Any

from pocketmoji.core.console import say
from pocketmoji.core.errors import InputError
from pocketmoji.core.records import SPLITS, Example
from pocketmoji.core.workspace import read_json
from pocketmoji.datagen.dataset.leaks import rows_of
from pocketmoji.datagen.executors.journal import Journal
from pocketmoji.datagen.filters.similarity import grams
from pocketmoji.datagen.teachers.teachers import JOURNAL

EXAMINED = 500
SHOWN = 10


def inspect(folder: Path) -> dict[str, Any]:
    """Prints statistics, shortfalls, drop reasons, spending and the nearest neighbours across splits; returns them."""
    if not (folder / "statistics.json").is_file():
        raise InputError(
            f"{folder} holds no dataset",
            expected="a folder that datagen wrote, with statistics.json in it",
            remedy="make one: pocketmoji datagen SEEDS --out DIR",
        )
    statistics: dict[str, Any] = read_json(folder / "statistics.json")
    neighbours = nearest_across_splits(folder)
    s = statistics
    say(f"{folder}: {s['seeds']} seeds of {s['seed_file']}, teacher {s['teacher']}")
    say(f"  rows: {', '.join(f'{count} {split}' for split, count in s['splits'].items())}")
    say(f"  received {s['candidates_received']}, kept {s['candidates_kept']}, dropped {s['candidates_dropped']}:")
    for reason, count in sorted(s["dropped_by_reason"].items(), key=lambda item: -item[1]):
        say(f"    {count:6} {reason}")
    if s.get("teacher_unfit"):
        say(f"  mind: {s['teacher_unfit']}")
    say(f"  seeds that fell short: {len(s['seeds_short'])}")
    for row in s["seeds_short"][:SHOWN]:
        say(f"    line {row['line']}, {row['text']!r}: {row['got']} of {row['wanted']} ({row.get('why', '')})")
    say("  leaks between splits (near-duplicates / texts):")
    for pair, leak in s["leaks"].items():
        say(f"    {pair}: {leak['near']} / {leak['texts']}")
    spending = None
    if (folder / JOURNAL).is_file():
        journal = Journal(folder / JOURNAL)
        spending = {"requests": journal.requests, "dollars": journal.spent, "outcomes": dict(journal.statuses)}
        say(f"  spent: {journal.requests} requests, {journal.statuses['ok']} of them accepted, ${journal.spent:.4f}")
    say("  nearest neighbours across splits (Jaccard similarity of character 5-grams):")
    for row in neighbours[:SHOWN]:
        say(f"    {row['similarity']:.2f}  {row['split']}: {row['text']!r}  ~  {row['other_split']}: {row['other']!r}")
    return {"statistics": statistics, "spending": spending, "nearest": neighbours}


def nearest_across_splits(folder: Path) -> list[dict[str, Any]]:
    """For the first 500 texts of each held-out split the most similar text of any other split, most similar first.

    Exact: every text of the other splits is compared, by counting shared 5-grams."""
    found = []
    for split in SPLITS[1:]:
        texts = [row.text for row in islice(rows_of(folder / f"{split}.jsonl"), EXAMINED)]
        having = defaultdict(list)
        for number, text in enumerate(texts):
            for gram in grams(text):
                having[gram].append(number)
        sizes = [len(grams(text)) for text in texts]
        best: list[tuple[float, str, Example] | None] = [None] * len(texts)
        for other in SPLITS:
            if other == split:
                continue
            for row in rows_of(folder / f"{other}.jsonl"):
                own = grams(row.text)
                for number, shared in Counter(n for gram in own for n in having.get(gram, ())).items():
                    likeness = shared / (len(own) + sizes[number] - shared)
                    before = best[number]
                    if before is None or likeness > before[0]:
                        best[number] = (likeness, other, row)
        for text, hit in zip(texts, best, strict=True):
            if hit:
                found.append(
                    {"similarity": round(hit[0], 4), "split": split, "text": text}
                    | {"other_split": hit[1], "other": hit[2].text}
                )
    return sorted(found, key=lambda row: -row["similarity"])
