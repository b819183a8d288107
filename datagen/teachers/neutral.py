"""What the `offline` teacher can do to a text in any language: slips and habits of typing, and no words around it but
those that are typed everywhere."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence
from itertools import zip_longest

Variant = tuple[str, str]
"""A rule's name and the text it made."""

# Laughter and the like, in Latin letters the world over.
ASIDES = ("{x} haha", "haha {x}", "{x} lol", "ok {x}", "wow {x}", "{x} xD", "hmm {x}", "{x} ok", "PS: {x}", "{x} wow")
# Letters whose plain form Unicode does not decompose.
PLAIN = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ı": "i", "đ": "d", "Đ": "D", "æ": "ae"})


def neutral_variants(text: str, rng: random.Random) -> list[Variant]:
    """Everything that these rules make of a text, the rules taking turns; nothing for a text without letters."""
    core = text.rstrip(" .!…。！") or text
    slips = list(dict.fromkeys(typing_slip(core, rng) for _ in range(12)))
    bare = _unmarked(core)
    families: list[list[Variant]] = [
        [("typo", slip) for slip in slips],
        [("unmarked", bare), ("unmarked+typo", typing_slip(bare, rng))] if bare != core else [],
        [("stretched", _stretched(core)), ("stretched+typo", typing_slip(_stretched(core), rng))],
        [("twice", f"{core} {core}"), ("twice", f"{core}, {core}!")],
        [("joined", "".join(core.split())), ("joined", "#" + "".join(core.title().split()))],
        _asides(core, slips, rng),
    ]
    found = [variant for turn in zip_longest(*families) for variant in turn if variant]
    return [(rule, made) for rule, made in found if made != core and any(map(str.isalpha, made))]


def typing_slip(core: str, rng: random.Random) -> str:
    """Two neighbouring letters swapped, or one doubled, inside one long word of a script that has capitals."""
    words = core.split()
    long = [i for i, word in enumerate(words) if len(word) >= 6 and word.isalpha() and word.lower() != word.upper()]
    if not long:
        return core
    chosen = rng.choice(long)
    word = words[chosen]
    at = rng.randrange(1, len(word) - 2)
    if rng.random() < 0.5 and word[at] != word[at + 1]:
        words[chosen] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    else:
        words[chosen] = word[: at + 1] + word[at:]
    return " ".join(words)


def _unmarked(core: str) -> str:
    """Without accents and dots, as they are typed in a hurry; only for Latin and Greek, where they can be left out."""
    decomposed = unicodedata.normalize("NFD", core.translate(PLAIN))
    bare = "".join(c for c in decomposed if not "\u0300" <= c <= "\u036f")
    return bare if any(unicodedata.name(c, "").startswith(("LATIN", "GREEK")) for c in bare) else core


def _stretched(core: str) -> str:
    """The last letter held: "müdeee"."""
    last = core[-1]
    return core + 2 * last if last.isalpha() and last.lower() != last.upper() else core


def _asides(core: str, slips: Sequence[str], rng: random.Random) -> list[Variant]:
    if not any(unicodedata.name(c, "").startswith("LATIN") for c in core):
        return []
    chosen = rng.sample(ASIDES, len(ASIDES))
    plain = [("aside", form.format(x=core)) for form in chosen]
    return plain + [("aside+typo", form.format(x=slip)) for form, slip in zip(chosen, slips, strict=False)]
