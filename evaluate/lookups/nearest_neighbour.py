"""The emoji of the most similar training text, by the similarity with which a model's memory recalls."""

from __future__ import annotations

from collections.abc import Sequence

from pocketmoji.core.records import Example, Prediction
from pocketmoji.core.runtime import Progress
from pocketmoji.core.text.memory import Nearest


class NearestNeighbour:
    """Answers with the emoji of the training text that is nearest to the text (core/text/memory.py says how near); of
    the first one where nothing is like it."""

    name = "nearest-neighbour"

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = list(examples)
        self.nearest = Nearest(example.text for example in self.examples)

    def predict(self, texts: Sequence[str], progress: Progress | None = None) -> list[Prediction]:
        """One prediction per text, in the order of `texts`."""
        found = []
        for text in texts:
            best, _ = self.nearest.find(text) or (0, 0.0)
            raw = self.examples[best].emoji
            found.append(Prediction(text=text, raw=raw, tokens=[], stopped=True, seconds=0.0))
            if progress:
                progress(1)
        return found
