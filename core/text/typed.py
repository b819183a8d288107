"""How people type a phrase: in capitals, as a hashtag, without punctuation, with a slip, with "lol" behind it.

Training sees a list's phrases in these forms, whoever the teacher is (datagen), and the evaluation asks for other ones
of the same kinds. Everything here follows from the text and a random generator: the same seed gives the same forms.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable
from itertools import islice

from pocketmoji.core.text.content_words import carries_meaning
from pocketmoji.core.text.plain import plain

Way = Callable[[str, random.Random], str]

# Which keys a finger may hit instead, on the QWERTY layout.
NEIGHBOURS = {
    **{"q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok", "o": "ipl"},
    **{"p": "ol", "a": "qsz", "s": "adwx", "d": "sfec", "f": "dgrv", "g": "fhtb", "h": "gjyn", "j": "hkum"},
    **{"k": "jli", "l": "ko", "z": "xa", "x": "zcs", "c": "xvd", "v": "cbf", "b": "vng", "n": "bmh", "m": "nj"},
}
BEFORE = ("lol", "haha", "omg", "ok so", "hey", "guys", "so", "well", "ugh", "yay", "btw", "pls")
BEHIND = ("lol", "haha", "please", "pls", "!!", "!!!", "...", "tbh", "omg", "rn", "again", "xx", "fr", "?!")
CURLY = str.maketrans({"'": "\u2019"})
_LETTERS = re.compile(r"[^\W\d_]")
_PUNCTUATION = re.compile(r"[^\w\s]|_")
_VOWELS = re.compile(r"[aeiouy](?=[^\W\d_]?\b)", re.IGNORECASE)


def words_of(text: str) -> list[str]:
    """The words of a text without its punctuation: an apostrophe joins ("Bob's" is "Bobs")."""
    return _PUNCTUATION.sub(" ", re.sub("['\u2019]", "", text)).split()


def capitals(text: str, _: random.Random) -> str:
    return text.upper()


def title_case(text: str, _: random.Random) -> str:
    return string.capwords(text)


def title_case_of_machines(text: str, _: random.Random) -> str:
    """As many programs write it: "Bob'S"."""
    return text.title()


def hashtag(text: str, _: random.Random) -> str:
    return "#" + "".join(word[0].upper() + word[1:] for word in words_of(text))


def small_hashtag(text: str, _: random.Random) -> str:
    return "#" + "".join(words_of(text)).lower()


def lower_case(text: str, _: random.Random) -> str:
    return text.lower()


def no_punctuation(text: str, _: random.Random) -> str:
    return " ".join(words_of(text)).lower()


def curly_quotes(text: str, _: random.Random) -> str:
    return text.translate(CURLY) if "'" in text else f"\u201c{text}\u201d"


def stretched(text: str, rng: random.Random) -> str:
    """A vowel near the end of a word held on to: "soooo"."""
    places = [match.start() for match in _VOWELS.finditer(text)]
    if not places:
        return text
    place = rng.choice(places)
    return text[:place] + text[place] * rng.randint(2, 4) + text[place + 1 :]


def around(text: str, rng: random.Random) -> str:
    """A word that people put before or behind what they mean."""
    if rng.random() < 0.35:
        return f"{rng.choice(BEFORE)} {text[0].lower()}{text[1:]}"
    behind = rng.choice(BEHIND)
    return f"{text.rstrip('.!?')}{'' if behind[0] in '!.?' else ' '}{behind}"


def clipped(text: str, rng: random.Random) -> str:
    """The words that carry the meaning, of three or more all but one: "raccoon garage"."""
    found = [word for word in words_of(text) if carries_meaning(word)]
    if len(found) > 2:
        del found[rng.randrange(len(found))]
    return " ".join(found) if len(found) > 1 else text


def slip(text: str, rng: random.Random) -> str:
    """One typing slip: two letters swapped, one left out, doubled, or a neighbour's key hit."""
    places = [m.start() for m in _LETTERS.finditer(text)]
    if len(places) < 3:
        return text
    place = rng.choice(places[1:])
    letter, kind = text[place], rng.choice(("swap", "drop", "double", "neighbour"))
    if kind == "swap" and place + 1 < len(text) and text[place + 1].isalpha() and text[place + 1] != letter:
        return text[:place] + text[place + 1] + letter + text[place + 2 :]
    if kind == "drop":
        return text[:place] + text[place + 1 :]
    near = NEIGHBOURS.get(letter.lower())
    if kind == "neighbour" and near:
        other = rng.choice(near)
        return text[:place] + (other.upper() if letter.isupper() else other) + text[place + 1 :]
    return text[:place] + letter + text[place:]


WAYS: dict[str, Way] = {
    "capitals": capitals,
    "title": title_case,
    "hashtag": hashtag,
    "slip": slip,
    "lower": lower_case,
    "no punctuation": no_punctuation,
    "around": around,
    "stretched": stretched,
    "small hashtag": small_hashtag,
    "machine title": title_case_of_machines,
    "curly quotes": curly_quotes,
    "clipped": clipped,
}
EACH = {"slip": 16, "around": 2, "clipped": 3}
"""How many forms of a kind a phrase is trained in; the others once."""
OFTEN = {"slip": 6, "around": 2, "stretched": 2, "small hashtag": 2, "clipped": 0}
"""How often other texts are dressed in a way, beside once: in these, which core/text/plain.py does not take off.
Clipped, other texts may mean something else: a list's own phrases are told by few words."""
RESTYLED, CAPITAL, SENTENCES = 0.3, 0.3, 0.1  # the shares in one of the ways, with a capital first letter, a full stop


def typed_forms(text: str, random_seed: int, most: int | None = None) -> list[tuple[str, str]]:
    """(way, form) of a text, none twice and none the text itself; if there are more than `most`, a draw of them, those
    first that core/text/plain.py does not take back to the text: a model of ours is asked in the others' place."""
    rng = random.Random(f"{random_seed}:{text}")
    seen, found = {text}, list[tuple[str, str]]()
    for name, way in WAYS.items():
        for _ in range(EACH.get(name, 1)):
            form = way(text, rng)
            if form not in seen and form.strip("#"):
                seen.add(form)
                found.append((name, form))
    if most is None or len(found) <= most:
        return found
    asked, shuffled = plain(text), rng.sample(found, len(found))
    drawn = list(islice((one for one in shuffled if plain(one[1]) != asked), most))
    return drawn + [one for one in shuffled if one not in drawn][: most - len(drawn)]


def restyled(text: str, rng: random.Random) -> str:
    """The text as one of many people may type it: with a small or a capital letter first, as phones write it; now and
    then with a full stop, or in one of the ways above.

    A list is seldom typed as everyday language is (one has capitals, the other none), and a model learns such a
    difference before any word: each must be seen in the other's clothes.
    """
    if rng.random() < RESTYLED:
        (name,) = rng.choices(list(WAYS), [OFTEN.get(name, 1) for name in WAYS])
        form = WAYS[name](text, rng)
        if form.strip("#"):
            return form
    first = text[:1].upper() if rng.random() < CAPITAL else text[:1].lower()
    stop = "." if rng.random() < SENTENCES and text[-1:].isalpha() else ""
    return first + text[1:] + stop
