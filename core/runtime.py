"""The protocol that everything which runs an artefact follows, in Python or through a browser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from pocketmoji.core.errors import InputError
from pocketmoji.core.records import Prediction
from pocketmoji.core.workspace import read_object

Progress = Callable[[int], None]
"""Called with the number of texts finished since the last call."""


class Runtime(Protocol):
    """Greedy decoding of the project's one prompt. `name` is a word of the design: torch, onnxruntime, litert, ..."""

    name: str

    def predict(self, texts: Sequence[str], progress: Progress | None = None) -> list[Prediction]:
        """One prediction per text, in the order of `texts`, each raw up to its stop token."""
        ...


def stop_token_ids(model: Path) -> list[int]:
    """The ids that end an answer: eos_token_id of generation_config.json, else of config.json. InputError if neither
    has it."""
    for name in ("generation_config.json", "config.json"):
        ids = read_object(model / name).get("eos_token_id")
        if ids is not None:
            return [int(i) for i in ids] if isinstance(ids, list) else [int(ids)]
    raise InputError(
        "the model does not say which token ends an answer",
        expected="eos_token_id in generation_config.json",
        where=model,
    )
