from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pocketmoji.core.text import typed
from pocketmoji.core.text.plain import plain
from pocketmoji.core.text.typed import restyled, typed_forms


def test_what_people_type() -> None:
    forms = dict(typed_forms("Uncle Bob's weather report", 0))
    assert forms["capitals"] == "UNCLE BOB'S WEATHER REPORT"
    assert forms["title"] == "Uncle Bob's Weather Report"
    assert forms["hashtag"] == "#UncleBobsWeatherReport"
    assert forms["no punctuation"] == "uncle bobs weather report"
    assert forms["curly quotes"] == "Uncle Bob\u2019s weather report"


def test_a_slip_is_one_edit_and_leaves_the_first_letter() -> None:
    for number in range(300):
        slip = typed.slip("Merge conflict again", random.Random(number))
        assert slip[0] == "M" and slip != "Merge conflict again" and abs(len(slip) - 20) <= 1


def test_clipped_to_the_words_that_carry_the_meaning() -> None:
    clips = {typed.clipped("The raccoon is back in the garage", random.Random(number)) for number in range(40)}
    assert clips == {"raccoon back", "raccoon garage", "back garage"}
    assert typed.clipped("My brain is soup!", random.Random(0)) == "brain soup"
    for whole in ("I need it", "水", "so this is it", "pineapple"):  # too little would be left
        assert typed.clipped(whole, random.Random(0)) == whole
    assert "clipped" in dict(typed_forms("My brain is soup!", 0))
    # Another text clipped may mean something else: "I am not happy about the rain".
    assert all(restyled("rain in the spring", random.Random(number)) != "rain spring" for number in range(400))


@given(st.text(min_size=1), st.integers(0, 3))
def test_forms_are_others_than_the_text_and_the_same_every_time(text: str, random_seed: int) -> None:
    forms = typed_forms(text, random_seed)
    assert forms == typed_forms(text, random_seed)
    assert len({form for _, form in forms} | {text}) == len(forms) + 1
    assert len(typed_forms(text, random_seed, 3)) == min(3, len(forms))


def test_a_few_forms_are_those_that_a_model_is_asked_in() -> None:
    text = "Uncle Bob's weather report"
    for most in (1, 4, 8):
        forms = [form for _, form in typed_forms(text, 0, most)]
        assert len(forms) == most and all(plain(form) != plain(text) for form in forms)
    assert plain(text) in {plain(form) for _, form in typed_forms(text, 0, 25)}


def test_others_type_a_text_with_and_without_a_capital_and_now_and_then_in_another_way() -> None:
    for text in ("what a fun party", "What a fun party"):
        forms = [restyled(text, random.Random(number)) for number in range(400)]
        assert forms == [restyled(text, random.Random(number)) for number in range(400)]
        count = Counter(forms)
        assert 140 < count["what a fun party"] < 220 and 40 < count["What a fun party"] < 120
        assert count["What a fun party."] and count["WHAT A FUN PARTY"] and count["#WhatAFunParty"]
    assert restyled("🎉", random.Random(0)) and restyled("水", random.Random(1))
