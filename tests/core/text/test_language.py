from __future__ import annotations

import pytest

from pocketmoji.core.text import language
from pocketmoji.core.text.cldr import cldr_table, keywords, short_name
from pocketmoji.core.text.language import called, closest, find_languages

LISTS = {
    "en": ["Tea time", "Taco truck night", "Moon people", "Ship the release", "Rain on the tent"],
    "de": ["Guten Morgen", "Die Katze schläft schon wieder", "Feierabend", "Ich hab dich lieb", "Pizza am Freitag"],
    "pt": ["Bom dia", "O gato quer uma reunião", "Saudade de você", "Pizza na sexta", "Parabéns pra você"],
    "es": ["Buenos días", "El gato quiere una reunión", "Feliz cumpleaños", "Lluvia en la tienda"],
    "fr": ["Bonjour", "Le chat veut une réunion", "Joyeux anniversaire", "Pluie sur la tente"],
    "cs": ["Dobré ráno", "Kočka chce schůzku", "Všechno nejlepší"],
    "ru": ["Доброе утро", "Кот спит", "С днём рождения"],
    "uk": ["Доброго ранку", "Кіт спить", "З днем народження"],
    "ja": ["猫がまた寝ている", "おはよう", "ラーメン食べたい"],
    "zh": ["早上好", "猫又睡了", "生日快乐"],
    "fa": ["صبح بخیر", "گربه خوابیده است", "تولدت مبارک"],
}


@pytest.mark.parametrize("code", LISTS)
def test_the_language_of_a_list(code: str) -> None:
    assert find_languages(LISTS[code]) == [code]


def test_slang_is_english_and_what_no_words_tell_is_none() -> None:
    assert find_languages(["yeet", "brb", "gg wp", "lol same", "no cap fr fr", "sus"]) == ["en"]
    assert find_languages([":)", ":(", "404"]) == ["en"]
    assert find_languages(["สวัสดีตอนเช้า", "แมวหลับ"]) == []


def test_a_list_in_two_languages() -> None:
    both = find_languages([*LISTS["en"] * 2, *LISTS["de"]])
    assert both == ["en", "de"] and called(both) == "English and German"
    assert [closest(text, both) for text in ("Rain on the tent", "Regen auf dem Zelt")] == ["en", "de"]
    assert find_languages([*LISTS["ru"], LISTS["de"][1]]) == ["ru"]


def test_without_lists_of_words_only_english_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "has_word_lists", lambda: False)
    found = {code: find_languages(LISTS[code]) for code in LISTS}
    assert {code for code, languages in found.items() if languages == ["en"]} == {"en"}


def test_names_of_emoji_in_other_languages() -> None:
    assert short_name("🎉", "pt") == "cone de festa" and "konfettibombe" in keywords("🎉", "de")
    assert len(cldr_table("de")) > 1_800
    # A skin tone has the name of its base, and a language without names the English ones.
    assert short_name("👍🏽", "de") == short_name("👍", "de") == "daumen hoch"
    assert short_name("🎉", "cs") == "party popper"
