"""When two texts count as the same: exactly, after normalising, or by shared character 5-grams."""

from __future__ import annotations

from collections import defaultdict

GRAM = 5
NEAR = 0.8


def normalise_text(text: str) -> str:
    """Letters and digits only, casefolded; a text without any keeps what it has, white space aside."""
    folded = text.casefold()
    return "".join(c for c in folded if c.isalnum()) or "".join(folded.split())


def grams(text: str) -> frozenset[str]:
    """The character 5-grams of the normalised text; a shorter text is its own only gram."""
    normal = normalise_text(text)
    return frozenset(normal[i : i + GRAM] for i in range(max(1, len(normal) - GRAM + 1)))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)


class NearIndex:
    """Texts that can be asked "is this nearly one of you?" without comparing with each of them."""

    def __init__(self, texts: list[str] | None = None) -> None:
        self._sets: list[frozenset[str]] = []
        self._texts: list[str] = []
        self._having: defaultdict[str, list[int]] = defaultdict(list)
        for text in texts or []:
            self.add(text)

    def add(self, text: str) -> None:
        own = grams(text)
        for gram in own:
            self._having[gram].append(len(self._sets))
        self._sets.append(own)
        self._texts.append(text)

    def near(self, text: str) -> list[str]:
        """The texts of the index that are near-duplicates of `text` (Jaccard >= 0.8), equal ones included."""
        own = grams(text)
        # Jaccard >= 0.8 means that at most a fifth of our grams are missing in the other text, so it has at least one
        # of any fifth-plus-one of them: looking up the rarest is enough.
        rarest = sorted(own, key=lambda gram: len(self._having.get(gram, ())))[: len(own) // 5 + 1]
        numbers = sorted({number for gram in rarest for number in self._having.get(gram, ())})
        return [self._texts[number] for number in numbers if jaccard(own, self._sets[number]) >= NEAR]
