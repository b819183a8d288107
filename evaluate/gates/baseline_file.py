"""A baseline: an earlier result, small enough to commit and plain enough to read in a diff.

One line per text and one per answer, so that a change of an answer is a change of a line:

    {
      "pocketmoji_baseline": 1,
      "texts": [
        ["seed", "s001", "what a fun party", "🎉🥳"], ...
      ],
      "scores": {"onnx_q8": {"compliance": "99.1% (95.3% to 99.8%) of 117", ...}},
      "answers": {
        "onnx_q8": [
          ["🎉🥳", true], ...
        ]
      }
    }

The scores are for people; gates compare the answers, text by text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from pocketmoji.core.errors import InputError
from pocketmoji.core.records import EvaluationText, Group, Interval, Prediction
from pocketmoji.core.workspace import write_text

REMEDY = "make it again from a result that you trust: pocketmoji evaluate ... --write-baseline FILE"


class Baseline(BaseModel):
    """The file as it was read: texts (group, seed_id, text, emoji) and for each runtime one (raw, stopped) per text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pocketmoji_baseline: int
    texts: list[tuple[Group, str, str, str]]
    scores: dict[str, dict[str, str]]
    answers: dict[str, list[tuple[str, bool]]]


def write_baseline(
    path: Path,
    texts: Sequence[EvaluationText],
    predictions: Mapping[str, Sequence[Prediction]],
    scores: Mapping[str, Mapping[str, Interval | None]],
) -> None:
    """Write the answers of every runtime in `predictions` to `path`, atomically."""
    line = lambda value: json.dumps(value, ensure_ascii=False)
    block = lambda rows, indent: "[\n" + ",\n".join(f"{indent}  {line(row)}" for row in rows) + f"\n{indent}]"
    told = {
        name: {metric: _told(interval) for metric, interval in found.items() if interval is not None}
        for name, found in scores.items()
    }
    answers = [
        f"    {line(name)}: " + block([[p.raw, p.stopped] for p in found], "    ")
        for name, found in predictions.items()
    ]
    shown = json.dumps(told, ensure_ascii=False, indent=2).replace("\n", "\n  ")
    rows = block([[t.group, t.seed_id, t.text, t.emoji] for t in texts], "  ")
    write_text(
        path,
        f'{{\n  "pocketmoji_baseline": 1,\n  "texts": {rows},\n  "scores": {shown},\n'
        f'  "answers": {{\n{",".join(answers)}\n  }}\n}}\n'.replace("],    ", "],\n    "),
    )


def read_baseline(path: Path) -> Baseline:
    """The baseline in `path`; an InputError says what is wrong with it."""
    if not path.is_file():
        raise InputError(
            "there is no such baseline", expected="a file that --write-baseline made", where=path, remedy=REMEDY
        )
    try:
        found: Any = json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        place = f"{path}, line {error.lineno}" if isinstance(error, json.JSONDecodeError) else str(path)
        raise InputError(f"the baseline is no JSON: {error}", where=place, remedy=REMEDY) from error
    if not isinstance(found, dict) or found.get("pocketmoji_baseline") != 1:
        said = found.get("pocketmoji_baseline") if isinstance(found, dict) else type(found).__name__
        raise InputError(
            f"not a baseline of this version: pocketmoji_baseline is {said!r}", expected="1", where=path, remedy=REMEDY
        )
    try:
        baseline = Baseline.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"the baseline is broken at {place}: {first['msg']}", where=path, remedy=REMEDY) from error
    for name, answers in baseline.answers.items():
        if len(answers) != len(baseline.texts):
            raise InputError(
                f"{name!r} has {len(answers)} answers", expected=f"one for each of the {len(baseline.texts)} texts",
                where=path, remedy=REMEDY,
            )  # fmt: skip
    if not baseline.texts or not baseline.answers:
        raise InputError("the baseline is empty", expected="texts and answers", where=path, remedy=REMEDY)
    return baseline


Key = tuple[str, str, str]


def key_of(text: EvaluationText) -> Key:
    """What makes it the same text in two evaluations. Its group may change with what else is trained."""
    return text.seed_id, text.text, text.emoji


def answers_of(baseline: Baseline, name: str, alone: bool, path: Path) -> dict[Key, Prediction]:
    """What the baseline's runtime of that name said, by `key_of` the text. `alone`: the evaluation has one runtime;
    then it is compared with a baseline of one runtime whatever either is called."""
    known = list(baseline.answers)
    if name not in known and not (alone and len(known) == 1):
        raise InputError(
            f"the baseline has no runtime {name!r}",
            expected=", ".join(known),
            where=path,
            remedy="name the runtime as the baseline does: --runtime NAME=KIND:TARGET",
        )
    said = baseline.answers[name if name in known else known[0]]
    found = {}
    for (_, seed_id, text, emoji), (raw, stopped) in zip(baseline.texts, said, strict=True):
        found[seed_id, text, emoji] = Prediction(text=text, raw=raw, tokens=[], stopped=stopped, seconds=0.0)
    return found


def _told(interval: Interval) -> str:
    return f"{interval.value:.1%} ({interval.low:.1%} to {interval.high:.1%}) of {interval.n}"
