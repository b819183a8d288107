"""Metrics on raw outputs: nothing is cleaned, and only a compliant answer can be right."""

from __future__ import annotations

import pytest

from pocketmoji.core.records import EvaluationText, Prediction
from pocketmoji.core.text.cldr import keyword_weight, keywords, short_name
from pocketmoji.core.text.emoji import fully_qualified_emoji
from pocketmoji.evaluate.metrics import (
    compliant,
    count_in_range,
    distinct_outputs,
    exact_match,
    f1,
    first_emoji,
    meaning,
    order_free_match,
    paraphrase_recall,
    qualified_form,
    repetition,
    same_tokens,
    seed_recall,
    shares_an_emoji,
    stopped,
    transfer,
)


def said(raw: str, stopped: bool = True, tokens: tuple[int, ...] = (5, 1)) -> Prediction:
    return Prediction(text="t", raw=raw, tokens=list(tokens), stopped=stopped, seconds=0.1)


@pytest.mark.parametrize("raw", ["🎉", "🎉🥳", "❤", "👨‍👩‍👧🇩🇪1️⃣"])
def test_compliant(raw: str) -> None:
    assert compliant(said(raw))


@pytest.mark.parametrize(
    "raw", ["", " 🎉", "🎉\n", "🎉🎉 ok", "7", "<pad>🎉", "👪\u200d👦", "🤦\u200d\ufe0f", "🎉\ufffd"]
)
def test_not_compliant(raw: str) -> None:
    assert not compliant(said(raw))
    assert not exact_match(said(raw), "🎉")
    assert not shares_an_emoji(said(raw), "🎉")


def test_an_answer_that_was_cut_off_is_no_answer() -> None:
    cut = said("🎉", stopped=False)
    assert not stopped(cut) and not compliant(cut) and not exact_match(cut, "🎉") and not first_emoji(cut, "🎉")


def test_exact_match_compares_normalised_forms_in_order() -> None:
    assert exact_match(said("❤🎉"), "❤️🎉") and exact_match(said("❤️🎉"), "❤🎉")
    assert not exact_match(said("🎉❤️"), "❤️🎉")
    assert not exact_match(said("👍🏽"), "👍")


def test_order_free_counts_repetitions() -> None:
    assert order_free_match(said("🎉❤"), "❤️🎉")
    assert not order_free_match(said("🎉🎉❤️"), "❤️🎉")
    assert not order_free_match(said("🎉"), "❤️🎉")


def test_first_emoji_is_a_whole_sequence() -> None:
    assert first_emoji(said("❤🎉"), "❤️🥳")
    assert not first_emoji(said("👩‍🚀"), "👩")


def test_overlap_and_parity() -> None:
    assert shares_an_emoji(said("🥳🎉"), "🎈🎉") and not shares_an_emoji(said("🥳"), "🎈🎉")
    assert same_tokens(said("🎉"), said("🎉")) and not same_tokens(said("🎉"), said("🎉", tokens=(6, 1)))


def test_qualified_form_and_count() -> None:
    assert qualified_form(said("❤️🎉")) and not qualified_form(said("❤🎉")) and not qualified_form(said("❤️ "))
    assert count_in_range(said("👨‍👩‍👧🇩🇪"), 2, 2) and not count_in_range(said("🎉🎉🎉"), 1, 2)
    assert not count_in_range(said("🎉 "), 1, 2)


def test_f1_by_hand() -> None:
    assert f1(said("🎉🥳"), "🥳🎉") == 1
    assert f1(said("🎉🎉🥳"), "🎉") == pytest.approx(2 * 1 / (3 + 1))
    assert f1(said("❤🎂"), "❤️🎉🥳") == pytest.approx(2 * 1 / (2 + 3))
    assert f1(said("🎉!"), "🎉") == f1(said("🎂"), "🎉") == 0


def test_repetition_judges_ramblers_too() -> None:
    assert repetition(said("🎉🎉🥳🎉")) == pytest.approx(0.5)
    assert repetition(said("I know I know", stopped=False)) == pytest.approx(0.5)
    assert repetition(said("")) == repetition(said("🎉🥳")) == 0


def test_distinct_outputs() -> None:
    assert distinct_outputs([said("🎉"), said("🎉"), said("🥳"), said("x")]) == pytest.approx(3 / 4)
    assert distinct_outputs([]) is None


def text(name: str, group: str, seed: str, emoji: str = "🎉") -> EvaluationText:
    return EvaluationText(text=name, emoji=emoji, seed_id=seed, group=group)  # type: ignore[arg-type]


def test_recall_and_transfer() -> None:
    texts = [text("a", "seed", "s"), text("b", "seed", "t")]
    texts += [text("c", "paraphrase", "s"), text("d", "paraphrase", "s"), text("e", "paraphrase", "t")]
    texts += [text("f", "heldout_seed", "u", "🎉🥳")]
    answers = [said(raw) for raw in ("🎉", "🥳", "🎉", "🥳", "🎉", "🥳")]
    assert seed_recall(texts, answers) == 0.5
    assert paraphrase_recall(texts, answers) == 0.75  # s: one of two, t: one of one; not two of three
    assert transfer(texts, answers) == 1
    assert seed_recall(texts[2:], answers[2:]) is transfer(texts[:1], answers[:1]) is None
    assert paraphrase_recall(texts[:1], answers[:1]) is None


def test_meaning_orders_near_answers() -> None:
    wanted = "🎉"
    assert meaning(said("🎉"), wanted) == 1
    assert meaning(said("🥳"), wanted) > meaning(said("🎂"), wanted) > meaning(said("🐈"), wanted) == 0
    assert meaning(said("👍🏽"), "👍") == pytest.approx(1)  # a skin tone does not change what it is about
    assert meaning(said("🥳 "), wanted) == meaning(said("🥳", stopped=False), wanted) == 0
    assert 0 < meaning(said("🎉🐈"), wanted) < 1  # something else beside it costs


def test_every_emoji_has_words() -> None:
    known = fully_qualified_emoji()
    assert [emoji for emoji in known if not keywords(emoji)] == []
    assert short_name("🎉") == "party popper" and "celebration" in keywords("🎉")
    assert keyword_weight("face") < keyword_weight("popper")
