"""Whether a text is in the language that was asked for: by its script, and by which language's words it is made of."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache, cached_property

from pocketmoji.datagen.filters.drift import words

CANDIDATES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "tr", "id")
NAMES = {
    "english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it", "portuguese": "pt",
    "dutch": "nl", "polish": "pl", "swedish": "sv", "turkish": "tr", "indonesian": "id",
}  # fmt: skip
FEWEST_WORDS = 4
# Mean word frequency on the Zipf scale (powers of ten per thousand million words). English chat with slang, names and
# typing slips stays within one of its best rival; a sentence in another language is two or more behind.
MARGIN = 1.5
# Above this no other language is that far ahead.
FLUENT = 4.5


def script(text: str) -> str:
    """The script of most of the letters ("LATIN", "CJK", "CYRILLIC", ...), "" without letters."""
    if text.isascii():
        return "LATIN" if any(map(str.isalpha, text)) else ""
    found: Counter[str] = Counter()
    for character in text:
        if character.isascii():
            if character.isalpha():
                found["LATIN"] += 1
        elif character.isalpha():
            name = unicodedata.name(character, "").split(" ", 1)[0].split("-", 1)[0]
            found["CJK" if name in ("HIRAGANA", "KATAKANA", "CJK") else name] += 1
    return found.most_common(1)[0][0] if found else ""


@cache
def _frequencies(language: str) -> dict[str, float]:
    """Words of a language and their frequencies per thousand million words, as logarithms."""
    import math

    from wordfreq import get_frequency_dict

    return {word: math.log10(share) + 9 for word, share in get_frequency_dict(language, wordlist="small").items()}


def fluency(text: Sequence[str], language: str) -> float:
    """Mean Zipf frequency of words in a language; unknown ones count 0."""
    known = _frequencies(language)
    return sum(known.get(word, 0.0) for word in text) / len(text) if text else 0.0


class LanguageFilter:
    """Knows the language of the seeds, or the one that was asked for, and says of texts what else they are in.

    The lists of words are read when the first text is judged, so that a dataset without a model in it needs none.
    """

    def __init__(self, seeds: Iterable[str], asked: str = "auto") -> None:
        texts = list(seeds)
        self._scripts = Counter(script(text) for text in texts)
        self._sample = [word for text in texts[:2000] for word in words(text)]
        self._asked = asked
        self.used = False

    @cached_property
    def language(self) -> str:
        """The code of the language, "" where it is none that can be told by its words."""
        if self._asked == "auto":
            return self._spoken(self._sample) if self._latin() else ""
        asked = self._asked.casefold()
        return NAMES.get(asked, asked if asked in CANDIDATES else "")

    def _spoken(self, sample: Sequence[str]) -> str:
        """The language that knows the words best; the other lists are not even read if they are plain English."""
        if fluency(sample, "en") >= FLUENT:
            return "en"
        return max(CANDIDATES, key=lambda code: fluency(sample, code))

    def _latin(self) -> bool:
        return bool(self._scripts) and self._scripts.most_common(1)[0][0] == "LATIN"

    def other(self, seed_text: str, text: str) -> str | None:
        """The script or language that the text is in although another was asked for; None if all is well."""
        self.used = True
        written = script(text)
        if self._asked == "auto" and written and script(seed_text) and written != script(seed_text):
            return written.capitalize()
        if written != "LATIN" or not self.language:
            return written.capitalize() if written and self.language and self._asked != "auto" else None
        spoken = words(text)
        if len(spoken) < FEWEST_WORDS:
            return None
        own = fluency(spoken, self.language)
        if own >= FLUENT:
            return None
        best = max(CANDIDATES, key=lambda code: fluency(spoken, code))
        if fluency(spoken, best) > own + MARGIN:
            # A seed that is in that language itself may be paraphrased in it.
            there = words(seed_text)
            if self._asked != "auto" or fluency(there, best) <= fluency(there, self.language):
                return best
        return None
