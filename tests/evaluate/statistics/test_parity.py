"""Where two runtimes part."""

from __future__ import annotations

from pocketmoji.core.records import EvaluationText, Prediction
from pocketmoji.evaluate.statistics.parity import first_difference, parity


def said(raw: str, tokens: list[int], stopped: bool = True) -> Prediction:
    return Prediction(text=raw, raw=raw, tokens=tokens, stopped=stopped, seconds=0.0)


def test_first_difference() -> None:
    assert first_difference([1, 2], [1, 2]) is None
    assert first_difference([1, 2, 3], [1, 5, 3]) == 2
    assert first_difference([1], [1, 2]) == first_difference([1, 2], [1]) == 2
    assert first_difference([], [1]) == 1


TEXTS = [EvaluationText(text=t, emoji="🎉", seed_id=t, group="seed") for t in "abc"]


def test_by_token() -> None:
    one = [said("🎉", [5, 1]), said("🎉🥳", [5, 6, 1]), said("x", [7, 1])]
    other = [said("🎉", [5, 1]), said("🎉", [5, 1]), said("y", [8, 1])]
    found = parity(TEXTS, ("a", one), ("b", other), same_tokenizer=True)
    assert (found.unit, found.earliest, found.median, found.same.value) == ("token", 1, 1, 1 / 3)
    assert [(d.text, d.position, d.token_a, d.token_b) for d in found.divergences] == [("b", 2, 6, 1), ("c", 1, 7, 8)]


def test_by_character_where_tokens_mean_nothing() -> None:
    one, other = [said("🎉🥳", [1])] * 3, [said("🎉🎂", [])] * 2 + [said("🎉🥳", [], stopped=False)]
    found = parity(TEXTS, ("a", one), ("b", other), same_tokenizer=True)
    assert found.unit == "character" and [d.position for d in found.divergences] == [2, 2, 3]
    assert found.divergences[0].token_a is None
    agreed = parity(TEXTS, ("a", one), ("b", one), same_tokenizer=False)
    assert (agreed.unit, agreed.same.value, agreed.earliest, agreed.median) == ("character", 1, None, None)
