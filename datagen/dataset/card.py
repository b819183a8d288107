"""The dataset card: what is in a dataset, where it came from, and what was measured about leaks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.records import SPLITS
from pocketmoji.core.workspace import write_text
from pocketmoji.datagen.dataset.leaks import FINE_HASHES, MEASURES
from pocketmoji.datagen.dataset.plots import bars, histogram
from pocketmoji.datagen.dataset.writer import Tally
from pocketmoji.datagen.filters.filters import SURPLUS_REASON, Screen
from pocketmoji.datagen.filters.similarity import GRAM, NEAR
from pocketmoji.datagen.requests.teacher import Teacher
from pocketmoji.datagen.seeds.reading import SeedFile

# A teacher that loses more of its rows than this to the filters is reported as a poor one.
UNFIT = 0.5
ORIGINS_SHOWN = 40
RULES_ONLY = """\
All paraphrases here were made by **hand-written rules**, not by a language model: they put phrases around a seed, swap
common words, shorten, abbreviate and mistype it. Held-out paraphrases come from the same rules as the trained ones, so
recall on them says that the model finds a seed inside other words; it does not say that it understands quite different
words."""
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def describe(
    file: SeedFile,
    heldout: set[str],
    tally: Tally,
    short: Mapping[int, tuple[int, int, str]],
    screen: Screen,
    config: DatagenConfig,
    teacher: Teacher,
    *,
    leaks: Mapping[str, Mapping[str, float | int]],
    shared: int,
    beside: Mapping[str, Mapping[str, int]],
) -> dict[str, Any]:
    """Everything that the card says, as plain data: this is statistics.json.

    `short` has, by the number of the seed, what it got, what was wanted and why nobody asked on. Nothing here depends
    on how the replies were got: settings of executor, address, budget and prices are left out.
    """
    tokens: list[int] = getattr(teacher, "tokens", [0, 0])
    return {
        "seed_file": file.name,
        "seed_rows": file.rows,
        "seeds": len(file.seeds),
        "seeds_trained": len(file.seeds) - len(heldout),
        "seeds_heldout": len(heldout),
        "seeds_shared": shared,
        "answers_mended": file.mended,
        "repeated_lines": {str(line): first for line, first in file.repeated.items()},
        "rejected": [row.model_dump() for row in file.rejected],
        "teacher": teacher.name,
        "teacher_unfit": _unfit(screen, teacher.name),
        "tokens_of_replies": {"input": tokens[0], "output": tokens[1]},
        "config": config.model_dump(exclude=set(config.HOW)),
        "splits": {split: tally.rows[split] for split in SPLITS},
        "candidates_received": screen.received,
        "candidates_kept": tally.paraphrases,
        "candidates_dropped": sum(screen.reasons.values()),
        "dropped_by_reason": dict(sorted(screen.reasons.items())),
        "origins": dict(sorted(tally.origins.items(), key=lambda item: (-item[1], item[0]))),
        "share_of_rules": round(tally.by_rules / max(1, tally.paraphrases), 4),
        "axes": {axis: dict(sorted(values.items())) for axis, values in sorted(tally.cells.items())},
        "lengths": histogram(tally.lengths),
        "language": screen.language or "not checked",
        **beside,
        "leaks": leaks,
        "seeds_short": [
            {"line": file.seeds[n].line, "text": file.seeds[n].text, "got": got, "wanted": wanted, "why": why}
            for n, (got, wanted, why) in short.items()
        ],
    }


def _unfit(screen: Screen, teacher: str) -> str:
    """A sentence about a teacher whose rows mostly fall to the filters, with what to use instead; else empty."""
    lost = {reason: count for reason, count in screen.reasons.items() if reason != SURPLUS_REASON}
    if sum(lost.values()) <= UNFIT * screen.received:
        return ""
    worst = max(sorted(lost), key=lambda reason: lost[reason])
    return (
        f"the teacher {teacher} lost {sum(lost.values())} of {screen.received} rows to the filters"
        f" (most often: {worst}): it is a poor teacher. Use a larger instruction model (--teacher gemini, or"
        " --teacher openai with a model of eight thousand million parameters or more), or the rules (--teacher offline)"
    )


def _table(header: list[str], rows: list[list[Any]]) -> str:
    """A Markdown table; a cell's pipes and line breaks are defused."""
    clean = lambda cell: str(cell).replace("|", "\\|").replace("\n", " ")
    lines: list[list[Any]] = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(clean, line)) + " |" for line in lines)


def write_plots(statistics: dict[str, Any], folder: Path) -> list[str]:
    """Writes the plots into `folder`/plots; Markdown that shows them."""
    charts = {
        "lengths": ("Length of the texts", statistics["lengths"]),
        "dropped": ("Candidates dropped, by reason", statistics["dropped_by_reason"]),
        **{f"axis-{axis}": (f"Rows by {axis}", values) for axis, values in statistics["axes"].items()},
    }
    shown = []
    for name, (title, values) in charts.items():
        if values:
            file = "".join(c if c.isalnum() or c == "-" else "-" for c in name)
            write_text(folder / "plots" / f"{file}.svg", bars(title, values))
            shown.append(f"![{title}](plots/{file}.svg)")
    return shown


def render_card(statistics: dict[str, Any], folder: Path) -> str:
    """README.md of the dataset folder, with the front matter that the Hub reads; its plots are written beside it."""
    s = statistics
    shown = write_plots(statistics, folder)
    total = sum(s["splits"].values())
    size = next((name for limit, name in SIZES if total < limit), "n>1M")
    filled = [split for split in SPLITS if s["splits"][split]]
    files = "\n".join(f"      - split: {split}\n        path: parquet/{split}.parquet" for split in filled)
    rules = s["share_of_rules"]
    honesty = (
        RULES_ONLY if rules == 1 else f"Paraphrases were written by `{s['teacher']}`; {rules:.1%} of them by rules."
    )
    if s["teacher_unfit"]:
        honesty += f"\n\n**Mind:** {s['teacher_unfit']}."
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
{files}
---

# Text to emoji, from {s["seed_file"]}

{s["seeds"]} seeds (a text and the emoji it must give): {s["seeds_trained"]} trained and {s["seeds_heldout"]} held out;
paraphrases by the teacher `{s["teacher"]}`. Each row has `text`, `emoji`, `seed_id`, `origin` and `cell` (where on the
axes of diversity it was asked for). `datasets.load_dataset` opens this folder: Parquet; JSONL lies beside it.

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
## Trained beside the splits

`typed.jsonl`: {sum(s["typed"].values())} forms in which people type the trained phrases. `everyday.jsonl`:
{sum(s["everyday"].values())} rows of everyday language, of which training replays some; left out because they are
{", ".join(f"{why}: {count}" for why, count in s["everyday_left_out"].items())}.
""",
        _table(["form", "rows"], [[way, count] for way, count in s["typed"].items()]),
        f"""
## Leaks, as measured

How many texts of the second split also stand in the first: exactly; with letter case, spaces and punctuation
aside; as near-duplicates (Jaccard similarity of character {GRAM}-grams >= {NEAR}); as MinHash alone estimates that
from {FINE_HASHES} hashes. Held-out seeds with a row in another split: {s["seeds_shared"]}.
""",
        _table(
            ["splits", "texts", *MEASURES],
            [
                [pair, v["texts"], *(f"{v[k]} ({v[k + '_rate']:.1%})" for k in MEASURES)]
                for pair, v in s["leaks"].items()
            ],
        ),
        f"""
## Origin of the rows

Received from the teacher: {s["candidates_received"]}; kept: {s["candidates_kept"]}; dropped: {s["candidates_dropped"]}
(each with its reason in `dropped.jsonl`).
""",
        _table(["origin", "rows"], [[k, v] for k, v in list(s["origins"].items())[:ORIGINS_SHOWN]]),
        "",
        _table(["dropped because", "candidates"], [[k, v] for k, v in s["dropped_by_reason"].items()]),
        "",
        *shown,
        "\n## Seeds that fell short\n",
    ]
    if s["seeds_short"]:
        rows = [[v["line"], v["text"], v["got"], v["wanted"], v["why"]] for v in s["seeds_short"]]
        parts.append(_table(["line", "text", "paraphrases", "asked for", "why"], rows))
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
