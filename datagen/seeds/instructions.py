"""What all texts of a list have around them that is not theirs: an instruction to a model, a mark before its answer."""

from __future__ import annotations

import re
from collections.abc import Sequence

FEWEST = 4
_QUOTES = {"'": "'", '"': '"', "“": "”", "„": "“", "«": "»", "`": "`"}
_ENDS = re.compile(r"^.*[:\n]\s*", re.DOTALL)
_MARK = re.compile(r"\s*(?:->|=>|→|#{2,}|={2,})\s*$")


def _quoted(text: str, mark: str) -> bool:
    return len(text) > 2 and text.startswith(mark) and text.endswith(_QUOTES[mark])


def _common_start(one: str, other: str) -> str:
    length = next((n for n, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))
    return one[:length]


def find_frame(texts: Sequence[str]) -> tuple[str, str]:
    """("Translate this text to emoji: ", " ->") or quotation marks, each empty unless every text has it.

    An instruction speaks of emoji and ends in a colon or a line break: a list of moods may well begin "Mood: ".
    """
    if len(texts) < FEWEST:
        return "", ""
    first = texts[0].strip()[:1]
    if first and first in _QUOTES and all(_quoted(text.strip(), first) for text in texts):
        return first, _QUOTES[first]
    shared = _ENDS.match(_common_start(min(texts), max(texts)))
    before = shared[0] if shared and "emoji" in shared[0].casefold() else ""
    mark = _MARK.search(texts[0])
    after = mark[0] if mark and all(text.endswith(mark[0]) for text in texts) else ""
    if not all(text.removeprefix(before).removesuffix(after).strip() for text in texts):
        return "", ""
    return before, after
