"""Meaning: how near a different answer comes to the expected one, by what Unicode's CLDR calls the emoji.

What it is: keyword overlap. CLDR annotates every emoji with a short name and a few keywords ("party popper":
celebration, party, popper, tada). Two emoji are as near as the weight of the keywords that both have to the weight of
those that either has (Jaccard's index, a keyword weighing the more the fewer emoji have it, so that "face" says
little). An answer's score is the mean of two averages: over the expected emoji their nearest in the answer, over the
answer's emoji their nearest in the expectation. An exact answer, in any order, has 1; an answer that is not compliant
has 0.

What it is not: understanding. It knows neither the text nor irony, custom or culture (an aubergine is a vegetable), it
is English, and it was not fitted to people's judgements. Read it as a tie-breaker between answers that exact match
calls wrong.
"""

from __future__ import annotations

from functools import lru_cache
from math import fsum

from pocketmoji.core.records import Prediction
from pocketmoji.core.text.cldr import keyword_weight, keywords
from pocketmoji.evaluate.metrics.answer import answer_emoji, emoji_of


def meaning(prediction: Prediction, expected: str) -> float:
    """The keyword overlap of a compliant answer with `expected`, 0 to 1; 0 for any other answer."""
    answer, wanted = answer_emoji(prediction), emoji_of(expected)
    if not answer or not wanted:
        return 0.0
    if answer == wanted:
        return 1.0
    return _overlap(tuple(dict.fromkeys(answer)), tuple(dict.fromkeys(wanted)))


@lru_cache(maxsize=65_536)
def _overlap(answer: tuple[str, ...], wanted: tuple[str, ...]) -> float:
    near = [[similarity(ours, theirs) for theirs in wanted] for ours in answer]
    precision = sum(map(max, near)) / len(answer)
    recall = sum(map(max, zip(*near, strict=True))) / len(wanted)
    return (precision + recall) / 2


@lru_cache(maxsize=262_144)
def similarity(one: str, other: str) -> float:
    """The weighted Jaccard index of two emoji's keywords, 0 to 1."""
    if one == other:
        return 1.0
    shared = keywords(one) & keywords(other)
    if not shared:
        return 0.0
    both = fsum(map(keyword_weight, shared))  # exact, so that the order of a set does not show
    either = _weight(one) + _weight(other) - both
    return both / either if either else 0.0


@lru_cache(maxsize=8_192)
def _weight(emoji: str) -> float:
    return fsum(map(keyword_weight, keywords(emoji)))
