"""What a run has left in its folders, as far as it is there, for the report."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pocketmoji.core.config import EvaluateConfig
from pocketmoji.core.errors import PocketmojiError
from pocketmoji.core.records import EvaluationText, Prediction, Scores, read_jsonl
from pocketmoji.core.workspace import read_json
from pocketmoji.evaluate.scoring.answering import file_stem
from pocketmoji.evaluate.scoring.scores import Failure, SeedScore
from pocketmoji.evaluate.scoring.texts import evaluation_texts


def read(path: Path) -> dict[str, Any]:
    """A JSON object, empty if there is no such file."""
    return read_json(path) if path.is_file() else {}


def read_lines(path: Path, kind: type[Any]) -> list[Any]:
    """The records of a JSONL file, none if there is no such file."""
    return read_jsonl(path, kind) if path.is_file() else []


def read_texts(run: Path) -> list[EvaluationText]:
    """The evaluation texts in their order; without the evaluation's own list, those of the dataset."""
    texts = read_lines(run / "evaluation" / "texts.jsonl", EvaluationText)
    if texts:
        return texts
    try:
        return evaluation_texts(run / "dataset", EvaluateConfig(max_texts=10**9))
    except PocketmojiError:
        return []


def read_evaluations(run: Path, summary: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What `write_evaluation` left in the run's folders, by the name that summary.json uses; base and tuned first."""
    names = {file_stem(name): name for name in summary.get("scores", {})}
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(run.glob("*/*.scores.json")):
        stem = path.name.removesuffix(".scores.json")
        found[names.get(stem, stem)] = {
            "scores": Scores.model_validate_json(path.read_text("utf-8")),
            "predictions": read_lines(path.with_name(f"{stem}.predictions.jsonl"), Prediction),
            "failures": read_lines(path.with_name(f"{stem}.failures.jsonl"), Failure),
            "seeds": read_lines(path.with_name(f"{stem}.seeds.jsonl"), SeedScore),
        }
    order = {"base": 0, "tuned": 1}
    return dict(sorted(found.items(), key=lambda item: (order.get(item[0], 2), item[0])))


def read_engines(browser: Mapping[str, Any], summary: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Each browser engine's entry of browser.json with its timing beside it, or what summary.json has of it."""
    found = {name: dict(timing) for name, timing in (summary.get("browser") or {}).items()}
    for name, item in browser.get("engines", {}).items():
        timing = item.get("timing") or {}
        found[name] = {**found.get(name, {}), **item, **timing}
        # The adapter's name for people is in the timing; the entry itself has the whole description.
        described = found[name].get("adapter")
        if isinstance(described, Mapping):
            found[name]["adapter"] = " ".join(filter(None, (described.get("vendor"), described.get("architecture"))))
    return found


def read_pictures(folder: Path) -> dict[str, str]:
    """The browser's screenshots as data addresses."""
    files = {"desktop": folder / "screenshot.png", "phone": folder / "screenshot_phone.png"}
    return {
        name: "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
        for name, path in files.items()
        if path.is_file()
    }
