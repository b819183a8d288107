"""What people type: the everyday file, and phrases in capitals, title case, as hashtags and with typos."""

from __future__ import annotations

import pytest

from pocketmoji.core.text.content_words import content_words
from pocketmoji.core.text.emoji import is_fully_qualified
from pocketmoji.evaluate.groups.everyday import FILE, everyday_phrases, not_near
from pocketmoji.evaluate.groups.other_words import overlap
from pocketmoji.evaluate.groups.typed import FORMS, typed


def test_the_everyday_file_and_its_card() -> None:
    phrases = everyday_phrases()
    assert len(phrases) >= 150 and len({text.casefold() for text, _ in phrases}) == len(phrases)
    assert all(is_fully_qualified(emoji) for _, emoji in phrases)
    card = FILE.with_name("README.md").read_text("utf-8")
    assert f"{len(phrases)} English phrases" in card and "Apache-2.0" in card and "2026-11-26" in card


def test_near_is_what_datagen_calls_near() -> None:
    from pocketmoji.datagen.filters.similarity import NearIndex

    phrases = everyday_phrases()
    trained = [text.title() + "!!" for text, _ in phrases[:20]] + ["something else altogether", "thank you so very"]
    index = NearIndex(trained)
    assert not_near(phrases, trained) == [phrase for phrase in phrases if not index.near(phrase[0])]


def test_the_forms_of_a_phrase() -> None:
    assert [typed("Bob's pop-up shop, again", form) for form in FORMS[:3]] == [
        "BOB'S POP-UP SHOP, AGAIN",
        "Bob'S Pop-Up Shop, Again",
        "#Bob'sPop-upShop,Again",
    ]
    assert typed("OK", "capitals") is None and typed("パーティー", "capitals") is None


@pytest.mark.parametrize("text", ["The raccoon is back in the garage", "Ok", "¡Fiesta ya!", "день рождения", "a b c"])
def test_a_typo_is_one_slip_and_always_the_same(text: str) -> None:
    found = typed(text, "typo")
    assert found is not None and found == typed(text, "typo") != text
    assert abs(len(found) - len(text)) <= 1 and found.split()[0][0] == text[0]
    again = typed(text, "typo", trained={found})
    assert again not in (found, text)
    assert typed("🎉 ?!", "typo") is None


def test_content_words() -> None:
    assert content_words("We don't have the cheeses, or do we?") == {"cheese"}
    assert content_words("月の人") == {"月", "の", "人"}
    assert overlap("start the teapot mission", ["Operation Teapot is go", "nothing"]) == pytest.approx(1 / 4)
    assert overlap("so what", ["is it"]) == 1.0 and overlap("so what", []) == 0.0
