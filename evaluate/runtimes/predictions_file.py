"""Answers that were given elsewhere, read from a file: any model on any machine is scored as ours are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pocketmoji.core.errors import InputError
from pocketmoji.core.records import Prediction
from pocketmoji.core.runtime import Progress

EXPECTED = '{"text": "what a fun party", "raw": "🎉🥳"} a line, with "stopped": false for an answer that was cut off'


class PredictionsFile:
    """A file of JSON lines as a runtime: `text` and the `raw` answer of each, and whatever else a `Prediction` has."""

    name = "predictions"

    def __init__(self, file: Path) -> None:
        self.file = file
        self._known: dict[str, Prediction] = {}
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            if line.strip():
                one = self._read(line, number)
                self._known[one.text] = one

    def predict(self, texts: Sequence[str], progress: Progress | None = None) -> list[Prediction]:
        """One prediction per text, in the order of `texts`. InputError for a text that the file has no answer to."""
        for text in texts:
            if text not in self._known:
                raise InputError(
                    f"there is no answer to {text!r}",
                    expected="an answer to every evaluation text (texts.jsonl of an evaluation folder lists them)",
                    where=self.file,
                )
        if progress:
            progress(len(texts))
        return [self._known[text] for text in texts]

    def _read(self, line: str, number: int) -> Prediction:
        try:
            return Prediction.model_validate({"tokens": [], "stopped": True, "seconds": 0.0} | json.loads(line))
        except (ValueError, TypeError) as error:
            first = str(error).splitlines()[0]
            raise InputError(
                f"line {number} is no answer: {first}", expected=EXPECTED, where=f"{self.file}:{number}"
            ) from error
