"""The words of a text that carry its meaning."""

from __future__ import annotations

import re

from pocketmoji.core.text.cldr import STOP_WORDS, words

# Words that any two English sentences share; what CLDR's names leave out is left out already.
_FUNCTION = (
    "i im me my mine we us our you your he his she her it its they them their is are was were be been am do does did "
    "have has had will would can could this that these those not no so just up out then there here get got go from by "
    "if but as about into too very who what when where how why all some any one re ve ll don"
)
FUNCTION_WORDS = frozenset(_FUNCTION.split())
LITTLE_WORDS = FUNCTION_WORDS | STOP_WORDS
# Written without spaces: Thai, kana, Han. Each character counts as a word.
UNSPACED = re.compile("([\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff])")


def content_words(text: str) -> frozenset[str]:
    """The words of `text` that carry its meaning, in lower case and without a plural's s."""
    spaced = UNSPACED.sub(r" \1 ", text)
    return frozenset(w for w in words(spaced) if w not in FUNCTION_WORDS and (len(w) > 1 or not w.isascii()))


def carries_meaning(word: str) -> bool:
    """Whether a word is none of the little ones that English sentences share."""
    return word.lower() not in LITTLE_WORDS
