from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from pocketmoji.core.errors import InputError
from pocketmoji.datagen.seeds.answers import read_answer
from pocketmoji.datagen.seeds.keys import clean_text, seed_key
from pocketmoji.datagen.seeds.reading import read_seeds

GOOD = "Taco truck,🌮\nMoon people,🌙\nLeg day,🦵\nShip it,🚢\n"


@pytest.mark.parametrize(
    ("given", "emoji", "done"),
    [
        ("❤", "❤️", "selectors"),
        ("🎒 1️⃣ 🗺️ 2️⃣ 🏕️", "🎒1️⃣🗺️2️⃣🏕️", "separators"),
        ("🏖️, ☀️", "🏖️☀️", "separators"),
        ("🏖️ + ☀️", "🏖️☀️", "separators"),
        ("🎉\u200b\ufeff", "🎉", "separators"),
        (":tada:", "🎉", "spelled"),
        (":tada: :rocket:", "🎉🚀", "spelled"),
        (":+1::skin-tone-4:", "👍🏽", "spelled"),
        (":woman-running::skin-tone-2:", "🏃🏻\u200d♀️", "spelled"),
        (":thumbsup_tone3:", "👍🏽", "spelled"),
        (":flag-us:", "🇺🇸", "spelled"),
        (":man-shrugging:", "🤷\u200d♂️", "spelled"),
        ("U+1F389 U+1F38A", "🎉🎊", "spelled"),
        ("\\ud83c\\udf89", "🎉", "spelled"),
        ("&#x1F389;", "🎉", "spelled"),
        ("❤\ufe0e", "❤️", "style"),
        ("“🎉”", "🎉", "wrapping"),
        ('["🎉"]', "🎉", "wrapping"),
        ("Emoji: 🎉", "🎉", "wrapping"),
        ("🎉 (party popper)", "🎉", "wrapping"),
        ("ðŸŽ‰", "🎉", "encoding"),
        ("🎉".encode().decode("latin-1"), "🎉", "encoding"),
    ],
)
def test_what_stands_for_emoji(given: str, emoji: str, done: str) -> None:
    answer = read_answer(given)
    assert (answer.emoji, answer.fault) == (emoji, None) and done in answer.done


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("🏖️ or ☀️", "is a choice"),
        ("🏖️/☀️", "is a choice"),
        ("🎉 Party 🎉", "character 3 of '🎉 Party 🎉': a letter ('P')"),
        (":party_parrot:", ":party_parrot: names no emoji"),
        (":)", "character 1"),
        ("?", "the emoji were lost"),
        ("🇩 🇪", "character 1"),
        ("👍 🏽", "a skin tone without an emoji"),
        ("🏴\U000e0075\U000e0073\U000e0074\U000e0078\U000e007f", "a flag that Unicode's list does not have"),
        ("", "it is empty"),
    ],
)
def test_what_stands_for_none(given: str, fault: str) -> None:
    assert fault in (read_answer(given).fault or "")


LOOKS_THE_SAME = [
    ("Café with Zoë", unicodedata.normalize("NFD", "Café with Zoë")),
    ("Tea time", "Tea\u200b time"),
    ("Tea time", "Tea\u00a0time"),
    ("Tea time", "\u2060Tea\u2009time\ufeff"),
    ("Tea time", "TEA  TIME"),
    ("Tea time", "Tea time."),
    ("Biscuits", "Bis\u00adcuits"),
    ("It's fine", "It’s fine"),
    ("It's fine", "Itʼs fine"),
    ('"Sure" thing', "“Sure” thing"),
    ("T-shirt day", "T‑shirt day"),
    ("OK then", "ＯＫ then"),
    ("I ❤️ tea", "I ❤ tea"),
    ("Office", "Oﬃce"),
    ("Good morning", "#GoodMorning"),
]


@pytest.mark.parametrize(("one", "other"), LOOKS_THE_SAME)
def test_one_key_for_what_looks_the_same(tmp_path: Path, one: str, other: str) -> None:
    path = tmp_path / "a.csv"
    quoted = ['"' + text.replace('"', '""') + '"' for text in (one, other)]
    path.write_text(f"text,emoji\n{quoted[0]},☕\n{GOOD}{quoted[1]},🍵\n", "utf-8")
    with pytest.raises(InputError, match=r"line 7, column text: .* has another answer, ☕, on line 2"):
        read_seeds(path)
    path.write_text(f"text,emoji\n{quoted[0]},☕\n{GOOD}{quoted[1]},☕\n", "utf-8")
    file = read_seeds(path)
    assert file.repeated == {7: 2} and file.seeds[0].text == one


@pytest.mark.parametrize(
    ("one", "other"),
    [(":)", ":("), ("Oh!", "Oh?"), ("Oh", "Oh..."), ("résumé", "resume"), ("C", "C#"), ("win", "#win"), ("🙂", "🙁")],
)
def test_what_looks_different_has_another_key(one: str, other: str) -> None:
    assert seed_key(one) != seed_key(other)


def test_texts_are_trained_as_people_type_them() -> None:
    assert clean_text(unicodedata.normalize("NFD", " Zoë’s \u200btea\u00a0") + "\u2800") == "Zoë’s tea"
    # Joiners stay where a script or an emoji needs them.
    assert clean_text("می‌خواهم") == "می‌خواهم" and clean_text("👨‍👩‍👧 day") == "👨‍👩‍👧 day"
    assert clean_text("tea\u200d time") == "tea time"
