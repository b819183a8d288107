"""What the page shows: it chooses with the emoji grammar. What is scored and gated are the raw answers beside it."""

from __future__ import annotations

from collections.abc import Sequence

from pocketmoji.core.records import Prediction
from pocketmoji.core.text.grammar import Grammar

ALWAYS_ASKED = 3  # texts that are asked with the grammar although it changes nothing: to see that it does not


def asks_again(grammar: Grammar | None, raw: Prediction, position: int) -> bool:
    """Whether the page is to answer a text again, with the grammar: where that changes the answer, and the first."""
    return grammar is not None and (position < ALWAYS_ASKED or not grammar.accepts(raw.tokens))


def grammar_problem(grammar: Grammar, answers: Sequence[tuple[Prediction, Prediction | None]]) -> str:
    """What is wrong with answers, raw and with the grammar, in words; "" if they are whole emoji and nothing that was
    whole has changed."""
    for raw, held in answers:
        if held and not grammar.accepts(held.tokens):
            return f"with the grammar {raw.text!r} gives {held.raw!r}, which is not whole emoji"
        if held and grammar.accepts(raw.tokens) and held.tokens != raw.tokens:
            return f"with the grammar {raw.text!r} gives {held.raw!r} although {raw.raw!r} is whole emoji"
    return ""
