"""Whether a text is in the language that was asked for: by its script, and by which language's words it is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property

from pocketmoji.core.text.language import BY_SCRIPT, FLUENT, MARGIN, NAMES, find_languages, fluency, script, words

# Whose words a candidate of a teacher may be in, whatever was asked for.
CANDIDATES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "tr", "id")
FEWEST_WORDS = 4


class LanguageFilter:
    """Knows the language of the seeds, or the one that was asked for, and says of texts what else they are in.

    The lists of words are read when the first text is judged, so that a dataset without a model in it needs none.
    """

    def __init__(self, seeds: Iterable[str], asked: str = "auto") -> None:
        self._texts = list(seeds)
        self._asked = asked
        self.used = False

    @cached_property
    def language(self) -> str:
        """The code of the language, "" where it is none that can be told by its words."""
        told = BY_SCRIPT["LATIN"]
        if self._asked == "auto":
            scripts = Counter(map(script, self._texts))
            latin = bool(scripts) and scripts.most_common(1)[0][0] == "LATIN"
            return next((code for code in find_languages(self._texts) if latin and code in told), "")
        asked = self._asked.casefold()
        return next((code for code in told if asked in (code, NAMES[code].casefold())), "")

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
