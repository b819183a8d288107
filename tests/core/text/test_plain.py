"""A text is asked in the same words, however it was typed; golden_prompts.json holds the page to the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketmoji.core.text import plain as module
from pocketmoji.core.text.memory import Memory
from pocketmoji.core.text.plain import plain
from pocketmoji.core.text.prompt import asked, render
from pocketmoji.core.text.typed import capitals, hashtag, title_case

GOLDEN: list[dict[str, str]] = json.loads((Path(module.__file__).parent / "golden_prompts.json").read_text("utf-8"))
WORDS = st.lists(st.from_regex(r"[a-zé]{2,8}", fullmatch=True), min_size=2, max_size=6)


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row["text"][:20])
def test_golden_texts_are_plain(row: dict[str, str]) -> None:
    assert plain(row["text"]) == row["plain"]
    assert asked(row["text"]) == render(row["plain"])


@given(WORDS)
def test_capitals_titles_and_hashtags_are_the_same_words(words: list[str]) -> None:
    text = " ".join(words)
    for way in (capitals, title_case, hashtag):
        assert plain(way(text, None)) == text  # type: ignore[arg-type]  # these draw nothing


@given(st.text())
def test_what_is_plain_stays_so(text: str) -> None:
    once = plain(text)
    assert plain(once) == once


def test_a_hashtag_recalls_the_phrase_that_it_says() -> None:
    memory = Memory([("my cat is asleep", "🐈💤"), ("#BigWin", "🏆")])
    for typed, phrase in (("#MyCatIsAsleep", "my cat is asleep"), ("big win", "#BigWin")):
        found = memory.recall(typed)
        assert found and (found.text, found.similarity) == (phrase, 1.0)
