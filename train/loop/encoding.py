"""From a dataset row to token ids: one prompt, one answer, one stop token, and the mask that says which is which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pocketmoji.core.errors import InputError
from pocketmoji.core.records import Example
from pocketmoji.core.text.prompt import render


@dataclass(frozen=True)
class Encoded:
    """`tokens` is prompt, answer and stop token; `answer` of them, at the end, are what the loss is taken on.
    `general`: the row is everyday language, of no list."""

    tokens: list[int]
    answer: int
    general: bool = False

    @property
    def mask(self) -> list[int]:
        return [0] * (len(self.tokens) - self.answer) + [1] * self.answer


def encode(tokenizer: Any, example: Example, stop_id: int, max_tokens: int) -> Encoded:
    """Tokenise a row. Raises InputError if it is longer than `max_tokens`."""
    prompt = tokenizer(render(example.text), add_special_tokens=False).input_ids
    answer = [*tokenizer(example.emoji, add_special_tokens=False).input_ids, stop_id]
    if len(prompt) + len(answer) > max_tokens:
        raise InputError(
            f"a text of {len(prompt) + len(answer)} tokens with its prompt and answer: {example.text[:60]!r}...",
            expected=f"at most {max_tokens} tokens",
            where=f"seed {example.seed_id}, origin {example.origin}",
            remedy="shorten the text in the seed file, or raise --max-tokens",
        )
    return Encoded(prompt + answer, len(answer), example.is_general)
