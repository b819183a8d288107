"""Metrics on raw outputs: nothing is cleaned, and only a compliant answer can be right."""

from __future__ import annotations

import pytest

from evaluate.metrics import (
    compliant,
    exact_match,
    first_emoji,
    order_free_match,
    same_tokens,
    shares_an_emoji,
    stopped,
)
from pocketmoji.records import Prediction


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
