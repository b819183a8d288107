"""A token that would break an answer's emoji must lose by a margin while a model is trained, not by a hair.

On a phrase unlike any it was trained on a model is unsure of the emoji; a word of the phrase or half an emoji is said
where it was a close second. So the loss is taken as if every token that the emoji grammar does not allow were likelier
than the model says (softmax-margin: Gimpel and Smith 2010, "Softmax-Margin CRFs", such a token's cost being MARGIN).
What is learnt is the model's own: it answers without a grammar.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pocketmoji.core.text.grammar import load_grammar

MARGIN = 4.0  # nats
ENDLESS = 1 << 20  # tokens: no answer is refused for its length here


class EmojiMargin:
    """What is added to the logits of the labelled positions of a batch, for the model in a folder."""

    def __init__(self, folder: Path, vocabulary: int, margin: float = MARGIN) -> None:
        self.grammar = load_grammar(folder)
        self.vocabulary = vocabulary
        self.margin = margin
        self._rows: dict[int | None, Any] = {}

    def __call__(self, labels: Any, segments: Any) -> Any:
        """[labels, vocabulary] from the tokens to be said and the example of each: the margin for a token that breaks
        what was said before it in its example, 0 for others, and everywhere where that is no emoji itself."""
        import torch

        said: list[int] = []
        example, rows = None, []
        for token, segment in zip(labels.tolist(), segments.tolist(), strict=True):
            said = said if segment == example else []
            example = segment
            rows.append(self._row(said))
            said = [*said, token]
        return torch.stack(rows).to(labels.device)

    def _row(self, said: list[int]) -> Any:
        import torch

        state = self.grammar.state(said)
        if state not in self._rows:
            row = torch.zeros(self.vocabulary)
            if state is not None:
                row += self.margin
                row[self.grammar.allowed(said, ENDLESS)] = 0
            self._rows[state] = row
        return self._rows[state]
