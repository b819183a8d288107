"""Which held-out paraphrases are in quite other words: few of theirs are in any training row of their seed."""

from __future__ import annotations

from collections.abc import Iterable

from pocketmoji.core.text.content_words import content_words

LIMIT = 0.25
"""The most that an "other words" text may share: the Jaccard index of content words with the nearest training row of
its seed, the phrase itself included."""


def overlap(text: str, trained: Iterable[str]) -> float:
    """The largest Jaccard index of content words of `text` and any of `trained`; 1 where neither has any."""
    said = content_words(text)
    found = 0.0
    for other in trained:
        theirs = content_words(other)
        either = len(said | theirs)
        found = max(found, len(said & theirs) / either if either else 1.0)
    return found
