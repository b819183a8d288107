"""What a runtime says when the emoji grammar chooses with it, beside what it says by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pocketmoji.core.records import Prediction
from pocketmoji.core.text.grammar import Grammar

WITH_GRAMMAR = "+grammar"
"""Behind the name of an evaluation whose answers were chosen with the grammar."""


def answers_with_grammar(
    raw: Sequence[Prediction], grammar: Grammar, answer: Callable[[list[str]], list[Prediction]]
) -> list[Prediction]:
    """One prediction per raw one. `answer` asks the runtime with the grammar.

    It is asked only where the raw answer is not accepted: of one that is, each token was allowed and the likeliest of
    all, so it is the likeliest of those allowed too.
    """
    refused = [one.text for one in raw if not grammar.accepts(one.tokens)]
    again = {one.text: one for one in answer(refused)} if refused else {}
    return [again.get(one.text, one) for one in raw]
