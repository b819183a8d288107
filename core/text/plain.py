"""What a text is asked as: the same words, however they were typed.

A model that has seen each phrase in a few letters only answers it worse in others: in CAPITALS a word has other tokens,
a #HashTag none of its own. So every model of ours is asked in small letters, hashtags as their words; demo/src/plain.ts
does the same, and `golden_prompts.json` holds both together.
"""

from __future__ import annotations

import re
import unicodedata

_HASHTAG = re.compile(r"#([^ #]+)")


def plain(text: str) -> str:
    """The text in small letters, composed (NFC), with single spaces, and hashtags as the words that capitals and digits
    part in them: "#WhatAFunParty" is "what a fun party". A hashtag of one word stays one, and so does "#1"."""
    composed = " ".join(unicodedata.normalize("NFC", text).split())
    small = unicodedata.normalize("NFC", _HASHTAG.sub(_words, composed).lower())  # "İ" is two characters then
    return " ".join(small.split())


def _words(found: re.Match[str]) -> str:
    tag = found[1]
    if not tag[0].isalpha():
        return found[0]
    words = tag[0]
    for at in range(1, len(tag)):
        words += (" " if _parts(tag[at - 1], tag[at], tag[at + 1 : at + 2]) else "") + tag[at]
    return f" {words}" if " " in words else found[0]


def _parts(before: str, letter: str, behind: str) -> bool:
    """Whether a word begins at `letter`: the B of "aB" and of "ABc", the 1 of "a1", the a of "1a"."""
    if letter.isalpha() and before.isalpha():
        return letter.isupper() and (before.islower() or behind.islower())
    return (before.isalpha() and letter.isdecimal()) or (before.isdecimal() and letter.isalpha())
