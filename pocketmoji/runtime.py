"""The protocol that everything which runs an artefact follows, in Python or through a browser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from pocketmoji.records import Prediction
from pocketmoji.workspace import read_json

Progress = Callable[[int], None]
"""Called with the number of texts finished since the last call."""


class Runtime(Protocol):
    """Greedy decoding of the project's one prompt. `name` is a word of the design: torch, onnxruntime, litert, ..."""

    name: str

    def predict(self, texts: Sequence[str], progress: Progress | None = None) -> list[Prediction]:
        """One prediction per text, in the order of `texts`, each raw up to its stop token."""
        ...


def stop_token_ids(model: Path) -> list[int]:
    """The ids that end an answer, from generation_config.json: what every runtime stops at."""
    ids = read_json(model / "generation_config.json")["eos_token_id"]
    return list(ids) if isinstance(ids, list) else [ids]
