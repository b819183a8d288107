"""The answers from look-up, which a model must beat."""

from __future__ import annotations

from pocketmoji.core.records import Example
from pocketmoji.core.text.memory import ngrams
from pocketmoji.evaluate.lookups.keyword_lookup import KeywordLookup
from pocketmoji.evaluate.lookups.nearest_neighbour import NearestNeighbour


def row(text: str, emoji: str) -> Example:
    return Example(text=text, emoji=emoji, seed_id=text, origin="seed")


EXAMPLES = [row("what a fun party", "🎉🥳"), row("my cat is asleep", "🐈💤"), row("the coffee is cold", "☕🥶")]


def test_nearest_neighbour() -> None:
    answers = NearestNeighbour(EXAMPLES).predict(
        ["What fun, a party!", "my cats are asleep", "cold coffee", "qqq 日本"]
    )
    assert [answer.raw for answer in answers] == ["🎉🥳", "🐈💤", "☕🥶", "🎉🥳"]  # nothing in common: the first
    assert all(answer.stopped and answer.tokens == [] for answer in answers)
    assert ngrams("Ab") == [" a", "ab", "b ", " ab", "ab ", " ab "]


def test_keyword_lookup() -> None:
    done: list[int] = []
    answers = KeywordLookup(EXAMPLES).predict(["a pizza for the cat", "zzzzq"], done.append)
    assert "🍕" in answers[0].raw and "🐈" in answers[0].raw and sum(done) == 2
    assert answers[1].raw in {example.emoji for example in EXAMPLES}  # nothing known: the commonest answer
