"""The `offline` teacher: paraphrases made by hand-written rules, for a first run without a key or a network.

These are rules, not a language model: they put phrases around a text, swap a few common words, shorten, abbreviate and
mistype it, so a text's key words always stay. The phrases are English; a text in another language gets only what holds
in any (neutral.py). Every candidate says so in its origin, "offline:<rule>" or
"offline:<rule>+<rule>". A model trained on them learns to find the seed inside other words; it does not learn that
quite different words can mean the same. For that, use a real teacher.
"""

# ruff: noqa: SIM905 (word lists are easier to read and to mend as text)
from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

from pocketmoji.core.text.language import closest
from pocketmoji.datagen.filters.similarity import normalise_text
from pocketmoji.datagen.requests.teacher import Ask, Candidate
from pocketmoji.datagen.teachers import phrases
from pocketmoji.datagen.teachers.neutral import neutral_variants, typing_slip

Variant = tuple[str, str]
"""A rule's name and the text it made."""

# Which inner rules each outer rule may go with: a clause needs its verb, a colon wants no second one.
_WORDS = frozenset({"synonym", "texting", "contraction"})
_COMBINES = {
    "opener": _WORDS | {"telegram"},
    "closer": _WORDS | {"telegram", "move"},
    "frame": _WORDS | {"telegram"},
    "order": _WORDS,
    "clause": _WORDS,
}
_PLACE_OR_TIME = re.compile(
    r"^(?P<head>\S+(?: \S+)*?) (?P<tail>(?:at|on|in|under|before|after|during|until)"
    r" (?:the|a|an|my|our|this|that|his|her|their|your|\d+|two|three|four|five|ten|[A-Z])[^,]*)$"
)
_ADVERB = re.compile(
    r"^(?P<head>\S+(?: \S+)+?) (?P<tail>(?:right )?now|today|tonight|tomorrow|this (?:week|weekend|year|summer"
    r"|morning)|on \w+day|(?:tomorrow|every) (?:morning|evening|night|day|week))$"
)
_SUBJECTS = frozenset(
    "i he she it we they you this that the my our your his her their there everyone everything".split()
)
_SPEAKERS = frozenset("i i'm i've i'll i'd we we're we've you you're me my let's".split())
_CONTRACTED = frozenset("i'm i've i'll he's she's it's we're we've they're you're that's there's everyone's".split())
_FINITE = frozenset(
    "is are was were has have had can can't will won't isn't aren't wasn't did didn't does doesn't don't do am".split()
)
_PRONOUNS = frozenset("i he she it we they you".split())
_NO_SUBJECT = frozenset("what who how why when where which if let's don't please do can't won't may not".split())


class OfflineTeacher:
    """Rule-made paraphrases; the same seed text and `random_seed` always give the same ones."""

    name = "offline"
    exhausted = ""

    def __init__(self, random_seed: int = 0, languages: Sequence[str] = ("en",)) -> None:
        self._random_seed = random_seed
        self._languages = languages

    def paraphrase(self, asks: Sequence[Ask], done: Callable[[int], None]) -> Iterator[list[Candidate]]:
        for ask in asks:
            english = closest(ask.seed.text, self._languages) == "en"
            yield paraphrase(ask.seed.text, ask.wanted, self._random_seed, ask.avoid, english)
            done(1)


def paraphrase(
    text: str, wanted: int, random_seed: int = 0, avoid: Sequence[str] = (), english: bool = True
) -> list[Candidate]:
    """At most `wanted` paraphrases of `text`, distinct after normalising, rules taking turns. The rules for English are
    left out where it is in another language."""
    rng = random.Random(f"{random_seed}:{text}")
    seen = {normalise_text(text), *map(normalise_text, avoid)}
    found: list[Candidate] = []
    for rule, made in _variants(text, rng) if english else neutral_variants(text, rng):
        key = normalise_text(made)
        if key not in seen:
            seen.add(key)
            found.append(Candidate(made, f"offline:{rule}"))
    return found[:wanted]


def _variants(text: str, rng: random.Random) -> list[Variant]:
    """Everything the rules make of a text: the outer rules put phrases around it, the inner ones change it."""
    core = text.rstrip(" .!…")
    question = core.endswith("?")
    core = core.rstrip(" .!?…") or text
    inner = [variant for variant in _inner(core, rng) if not (question and variant[0] == "telegram")]
    families: list[list[Variant]] = [inner]
    for rule, templates in _outer_rules(core, question):
        made = []
        # The plain text most often, else one that an inner rule has changed: never more than two rules at once.
        bodies = [("", core)] * 3 + [variant for variant in inner if variant[0] in _COMBINES[rule]]
        for template in rng.sample(templates, min(len(templates), 10)):
            inside, body = rng.choice(bodies)
            made.append((f"{rule}+{inside}" if inside else rule, _fill(template, body, question, rng)))
        families.append(made)
    return [variant for turn in zip_longest(*families) for variant in turn if variant]


def _outer_rules(core: str, question: bool) -> list[tuple[str, Sequence[str]]]:
    if question:
        return [
            ("opener", phrases.QUESTION_OPENERS),
            ("closer", phrases.QUESTION_CLOSERS),
            ("frame", phrases.FRAMES[:9]),
        ]
    rules: list[tuple[str, Sequence[str]]] = [
        ("opener", phrases.OPENERS),
        ("closer", phrases.CLOSERS),
        ("frame", phrases.FRAMES),
    ]
    if core.split()[0].casefold() in phrases.IMPERATIVES:
        rules.append(("order", phrases.ORDERS))
    elif _is_clause(core):
        about_others = core.split()[0].casefold() not in _SPEAKERS
        rules.append(("clause", phrases.CLAUSES + (phrases.REPORTS if about_others else ())))
    return rules


def _is_clause(core: str) -> bool:
    """True if the text looks like one whole sentence with a subject and a verb: "Production is down"."""
    words = [word.strip(",").casefold() for word in core.replace("’", "'").split()]
    if re.search(r"[.!?;:]\s", core) or words[0] in _NO_SUBJECT or words[0].endswith("ing"):
        return False
    if words[0] in _CONTRACTED or words[0] in _PRONOUNS:
        return len(words) > 2
    reach = 6 if words[0] in _SUBJECTS else 4
    return any(word in _FINITE for word in words[1:reach])


def _inner(core: str, rng: random.Random) -> list[Variant]:
    """The text changed from within by one rule each; rules that do not apply give nothing."""
    made = [
        ("synonym", _swap(core, phrases.SYNONYMS, 1)),
        ("move", _move(core)),
        ("telegram", _telegram(core)),
        ("texting", _swap(core, phrases.TEXTING, 3)),
        ("contraction", _swap(core, phrases.CONTRACTIONS, 1)),
        ("typo", typing_slip(core, rng)),
    ]
    return [(rule, text) for rule, text in made if text != core]


def _swap(core: str, table: dict[str, str], most: int) -> str:
    """Up to `most` entries of a table replaced, each once, a capital kept."""
    for old, new in table.items():
        if most and (match := re.search(rf"\b(?:{old})\b", core, re.IGNORECASE)):
            put = _capital(new) if match[0][0].isupper() and match[0] != "I" else new
            core = core[: match.start()] + put + core[match.end() :]
            most -= 1
    return core


def _move(core: str) -> str:
    """A place or time from the end of the text to its beginning: "In the garage, the raccoon is back"."""
    match = _ADVERB.match(core) or _PLACE_OR_TIME.match(core)
    if (
        not match
        or "," in core
        or _FINITE.intersection(match["tail"].casefold().split())
        or re.search(r"[.!?;:]\s|\b(?:of|and)$", match["head"])
    ):
        return core
    if match["head"].split()[-1].casefold() in phrases.FUNCTION_WORDS or match["head"].casefold().endswith("ing"):
        return core
    return f"{_capital(match['tail'])}{',' if _is_clause(match['head']) else ':'} {_decapitalise(match['head'])}"


def _telegram(core: str) -> str:
    """The text without its smallest words: "raccoon back in garage"."""
    words = core.split()
    kept = [word for word in words if word.strip(",.!").casefold() not in phrases.TELEGRAM_DROPS]
    return " ".join(kept).lower() if 2 <= len(kept) < len(words) else core


def _fill(template: str, body: str, question: bool, rng: random.Random) -> str:
    """A template around a body, ended and cased in one of the ways that people type."""
    if question and template.endswith("{x}"):
        template += "?"
    elif question:
        template = template.replace('{x}"', '{x}?"')
    filled = template.replace("{x}", _decapitalise(body)).replace("{X}", _capital(body))
    style = rng.random()
    if style < 0.25:
        filled = filled.lower()
    elif style < 0.32 and template.startswith("{X}"):  # shouted whole; behind a phrase it reads like a machine
        filled = filled.upper()
    if filled[-1] in '?"' or "#" in filled:
        return filled
    return filled + rng.choice(("", "", "", ".", "!"))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _decapitalise(text: str) -> str:
    """The text as it stands inside a sentence: a first word that may be a name keeps its capital."""
    first = text.split()[0].strip(",").casefold()
    common = first in phrases.COMMON_FIRST_WORDS or (first.endswith("ing") and len(first) > 5)
    return text[:1].lower() + text[1:] if common and first not in ("i", "i'm") else text
