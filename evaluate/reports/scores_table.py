"""The scores that count, the look-ups beside them: a line for the terminal, a table for a README."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pocketmoji.core.formats import percent
from pocketmoji.core.records import Interval, Scores
from pocketmoji.core.workspace import read_json, write_json

LOOKUPS = "lookups.json"

COLUMNS = {
    "other_words_recall": "other words, exact",
    "other_words_overlap": "other words, an emoji in common",
    "everyday_acceptable": "everyday, acceptable",
    "typed_recall": "as typed, exact",
    "compliance": "compliance",
    "seed_recall": "trained phrases, exact",
    "paraphrase_recall": "held-out paraphrases, exact",
    "untaught_recall": "paraphrases, none trained, exact",
    "transfer": "never trained, an emoji in common",
    "parity": "parity",
}


def write_lookups(folder: Path, lookups: Mapping[str, Scores]) -> None:
    write_json(folder / LOOKUPS, {name: scores.model_dump(mode="json") for name, scores in lookups.items()})


def read_lookups(folder: Path) -> dict[str, Scores]:
    """The look-ups' scores by name that an evaluation left in `folder`; none if it left none."""
    found = read_json(folder / LOOKUPS) if (folder / LOOKUPS).is_file() else {}
    return {name: Scores.model_validate(scores) for name, scores in found.items()}


def headline(name: str, scores: Scores, lookups: Mapping[str, Scores]) -> str:
    """One line: name, then "other words, exact 86.2% (look-up 83.1%); ...", each with the best look-up's figure."""
    told = []
    for metric, title in COLUMNS.items():
        ours = getattr(scores, metric)
        if ours is None:
            continue
        beside = [found.value for one in lookups.values() if (found := getattr(one, metric)) is not None]
        look_up = f" (look-up {percent(max(beside))})" if beside and metric not in ("compliance", "parity") else ""
        told.append(f"{title} {percent(ours.value)}{look_up}")
    return f"{name}: {'; '.join(told)}"


def scores_table(scores: Mapping[str, Scores], lookups: Mapping[str, Scores]) -> str:
    """Markdown: a row per look-up and runtime, 95% intervals in brackets; a column that nobody has is left out."""
    rows = {f"*{name}* (look-up)": one for name, one in lookups.items()} | dict(scores)
    columns = {key: title for key, title in COLUMNS.items() if any(getattr(one, key) for one in rows.values())}
    lines = [["what", "texts", *columns.values()], ["---"] * (len(columns) + 2)]
    lines += [[name, str(one.n), *(_cell(getattr(one, key)) for key in columns)] for name, one in rows.items()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(interval: Interval | None) -> str:
    if interval is None:
        return "–"
    return f"{percent(interval.value)} ({percent(interval.low)} to {percent(interval.high)})"
