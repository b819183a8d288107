"""The dataset card: what is in a dataset, where it came from, and what was measured about leaks."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

from datagen.filters import Dropped
from datagen.seeds import SeedFile
from datagen.similarity import GRAM, NEAR, NearIndex, normalise_text
from datagen.splits import Dataset
from pocketmoji.config import DatagenConfig
from pocketmoji.records import SPLITS, Example

RULES_ONLY = """\
All paraphrases here were made by **hand-written rules**, not by a language model: they put phrases around a seed, swap
common words, shorten, abbreviate and mistype it. Held-out paraphrases come from the same rules as the trained ones, so
recall on them says that the model finds a seed inside other words; it does not say that it understands quite different
words."""
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def leak_rates(first: list[Example], second: list[Example]) -> dict[str, float | int]:
    """How many texts of `second` also stand in `first`: exactly, normalised, as near-duplicates; and the shares."""
    texts = [row.text for row in first]
    exact, normal, index = set(texts), set(map(normalise_text, texts)), NearIndex(texts)
    count = {
        "exact": sum(row.text in exact for row in second),
        "normalised": sum(normalise_text(row.text) in normal for row in second),
        "near": sum(bool(index.near(row.text)) for row in second),
    }
    rates = {f"{name}_rate": round(number / len(second), 4) if second else 0.0 for name, number in count.items()}
    return {"texts": len(second), **count, **rates}


def describe(
    file: SeedFile, dataset: Dataset, dropped: list[Dropped], config: DatagenConfig, teacher: str, received: int
) -> dict[str, Any]:
    """Everything that the card says, as plain data: this is statistics.json."""
    rows = [row for split in SPLITS for row in dataset.splits[split]]
    paraphrases = [row for row in rows if row.origin != "seed"]
    origins = Counter(row.origin for row in rows)
    by_id = {seed.seed_id: seed for seed in file.seeds}
    return {
        "seed_file": file.name,
        "seed_rows": file.rows,
        "seeds": len(file.seeds),
        "seeds_trained": len({row.seed_id for row in dataset.splits["train"]}),
        "seeds_heldout": len({row.seed_id for row in dataset.splits["heldout_seeds"]}),
        "answers_mended": file.mended,
        "repeated_lines": {str(line): first for line, first in file.repeated.items()},
        "rejected": [row.model_dump() for row in file.rejected],
        "teacher": teacher,
        "config": config.model_dump(),
        "splits": {split: len(dataset.splits[split]) for split in SPLITS},
        "candidates_received": received,
        "candidates_kept": len(paraphrases),
        "candidates_dropped": len(dropped),
        "dropped_by_reason": dict(sorted(Counter(row.reason for row in dropped).items())),
        "origins": dict(sorted(origins.items(), key=lambda item: (-item[1], item[0]))),
        "share_of_rules": round(
            sum(row.origin.startswith("offline:") for row in paraphrases) / max(1, len(paraphrases)), 4
        ),
        "leaks": {f"{a} / {b}": leak_rates(dataset.splits[a], dataset.splits[b]) for a, b in combinations(SPLITS, 2)},
        "seeds_short": [
            {"line": by_id[name].line, "text": by_id[name].text, "got": got, "wanted": wanted}
            for name, (got, wanted) in dataset.short.items()
        ],
    }


def _table(header: list[str], rows: list[list[Any]]) -> str:
    """A Markdown table; a cell's pipes and line breaks are defused."""
    clean = lambda cell: str(cell).replace("|", "\\|").replace("\n", " ")
    lines: list[list[Any]] = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(clean, line)) + " |" for line in lines)


def render_card(statistics: dict[str, Any]) -> str:
    """README.md of the dataset folder, with the front matter that the Hub reads."""
    s = statistics
    total = sum(s["splits"].values())
    size = next((name for limit, name in SIZES if total < limit), "n>1M")
    configs = "\n".join(f"      - split: {split}\n        path: {split}.jsonl" for split in SPLITS)
    rules = s["share_of_rules"]
    honesty = (
        RULES_ONLY if rules == 1 else f"Paraphrases were written by `{s['teacher']}`; {rules:.1%} of them by rules."
    )
    parts = [
        f"""---
pretty_name: pocketmoji, {s["seed_file"]}
task_categories:
  - text-generation
tags:
  - emoji
  - text-to-emoji
  - synthetic
size_categories:
  - {size}
configs:
  - config_name: default
    data_files:
{configs}
---

# Text to emoji, from {s["seed_file"]}

{s["seeds"]} seeds (a text and the emoji it must give): {s["seeds_trained"]} trained and {s["seeds_heldout"]} held out;
paraphrases by the teacher `{s["teacher"]}`. Each row has `text`, `emoji`, `seed_id` and `origin`.

{honesty}

## Splits
""",
        _table(
            ["split", "rows", "what it is for"],
            [
                ["train", s["splits"]["train"], "every trained seed and its paraphrases"],
                ["validation", s["splits"]["validation"], "one other paraphrase of every fourth trained seed"],
                ["heldout_paraphrases", s["splits"]["heldout_paraphrases"], "other paraphrases: recall"],
                ["heldout_seeds", s["splits"]["heldout_seeds"], "seeds that are not trained at all: transfer"],
            ],
        ),
        f"""
## Leaks, as measured

How many texts of the second split also stand in the first: exactly; with letter case, spaces and punctuation
aside; as near-duplicates (Jaccard of character {GRAM}-grams >= {NEAR}).
""",
        _table(
            ["splits", "texts", "exact", "normalised", "near"],
            [
                [pair, v["texts"], *(f"{v[k]} ({v[k + '_rate']:.1%})" for k in ("exact", "normalised", "near"))]
                for pair, v in s["leaks"].items()
            ],
        ),
        f"""
## Origin of the rows

Received from the teacher: {s["candidates_received"]}; kept: {s["candidates_kept"]}; dropped: {s["candidates_dropped"]}
(each with its reason in `dropped.jsonl`).
""",
        _table(["origin", "rows"], [[k, v] for k, v in s["origins"].items()]),
        "",
        _table(["dropped because", "candidates"], [[k, v] for k, v in s["dropped_by_reason"].items()]),
        "\n## Seeds that fell short\n",
    ]
    if s["seeds_short"]:
        rows = [[v["line"], v["text"], v["got"], v["wanted"]] for v in s["seeds_short"]]
        parts.append(_table(["line", "text", "paraphrases", "asked for"], rows))
    else:
        parts.append("None: every seed has the paraphrases that were asked for.")
    parts.append("\n## The seed file\n")
    parts.append(
        f"{s['seed_rows']} rows; {s['answers_mended']} answers had their variation selectors put right;"
        f" {len(s['repeated_lines'])} repeated rows dropped"
        + (f" (lines {', '.join(s['repeated_lines'])})" if s["repeated_lines"] else "")
        + f"; {len(s['rejected'])} rows set aside"
        + (":\n" if s["rejected"] else ".")
    )
    if s["rejected"]:
        rows = [[v["line"], v["text"], v["emoji"], v["reason"]] for v in s["rejected"]]
        parts.append(_table(["line", "text", "emoji", "reason"], rows))
    return "\n".join(parts) + "\n"
