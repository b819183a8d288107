"""Answers that were given before, kept by the content of what gave them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pocketmoji.core.places import cache_folder
from pocketmoji.core.records import Prediction
from pocketmoji.core.workspace import digest_json, write_json


class PredictionCache:
    """A folder with, for each identity of a runtime (see `runtimes.opened.identity`), its answers by text.

    <digest>.json says what the digest stands for, <digest>.jsonl holds the predictions, one line each. They are added
    as they come, so that an interrupted evaluation goes on where it was; a half-written line is skipped.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        digest = digest_json(identity)[:32]
        self.path = folder / f"{digest}.jsonl"
        about = self.path.with_suffix(".json")
        if not about.is_file():
            write_json(about, identity)
        self._known: dict[str, Prediction] = {}
        lines = self.path.read_text("utf-8", errors="replace").split("\n") if self.path.is_file() else []
        for line in lines:
            try:
                prediction = Prediction.model_validate_json(line)
            except ValidationError:
                continue
            self._known[prediction.text] = prediction

    def get(self, text: str) -> Prediction | None:
        return self._known.get(text)

    def add(self, predictions: Iterable[Prediction]) -> None:
        """Keep answers, on disk before it returns."""
        new = list(predictions)
        self._known.update({prediction.text: prediction for prediction in new})
        # A line break first: the line before may be half a line that a kill left.
        with open(self.path, "a", encoding="utf-8") as file:
            file.write("".join("\n" + prediction.model_dump_json() for prediction in new))
            file.flush()
            os.fsync(file.fileno())


def default_cache() -> Path:
    """Where answers are kept unless told otherwise."""
    return cache_folder() / "predictions"
