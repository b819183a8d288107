"""The protocol that everything which runs an artefact follows, in Python or through a browser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from pocketmoji.records import Prediction

Progress = Callable[[int], None]
"""Called with the number of texts finished since the last call."""


class Runtime(Protocol):
    """Greedy decoding of the project's one prompt. `name` is a word of the design: torch, onnxruntime, litert, ..."""

    name: str

    def predict(self, texts: Sequence[str], progress: Progress | None = None) -> list[Prediction]:
        """One prediction per text, in the order of `texts`, each raw up to its stop token."""
        ...
