"""Which seed a paraphrase is nearest to: one that is nearer to another than to its own would teach a wrong answer."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from heapq import nlargest

from pocketmoji.core.records import Seed
from pocketmoji.core.text.language import words

# Another seed must be this close before it can matter at all, and this much closer (or less far behind) than the own.
CLOSE = 0.75
MARGIN = 0.1
# Words that stand in more seeds than this say nothing about which one is meant.
COMMON = 200
NEAREST = 5


class SeedIndex:
    """Seeds as bags of words weighted by rarity (inverse document frequency), compared by cosine."""

    def __init__(self, seeds: Sequence[Seed]) -> None:
        bags = [Counter(words(seed.text)) for seed in seeds]
        count = Counter(word for bag in bags for word in bag)
        self._seeds = list(seeds)
        self._number = {seed.seed_id: number for number, seed in enumerate(seeds)}
        self._weight = {word: math.log((len(seeds) + 1) / (n + 0.5)) for word, n in count.items()}
        self._having: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        self._bags = []
        for number, bag in enumerate(bags):
            self._bags.append(self._unit(bag))
            for word in bag:
                if count[word] <= COMMON:
                    self._having[word].append((number, self._bags[-1][word]))

    def _unit(self, bag: Counter[str]) -> dict[str, float]:
        """The bag as a vector of length 1; words that no seed has are not in it."""
        vector = {word: n * self._weight[word] for word, n in bag.items() if word in self._weight}
        length = math.sqrt(sum(value * value for value in vector.values())) or 1.0
        return {word: value / length for word, value in vector.items()}

    def judge(self, seed: Seed, text: str) -> tuple[str, Seed] | None:
        """("drifted" or "ambiguous", the other seed) if a text of `seed` is as near to another one; else None.

        Only texts that are close to another seed are judged: one that shares no words with any may still be a good
        paraphrase.
        """
        vector = self._unit(Counter(words(text)))
        near = self._number[seed.seed_id]
        partly: defaultdict[int, float] = defaultdict(float)
        for word, value in vector.items():
            for number, weight in self._having.get(word, ()):
                partly[number] += value * weight
        partly.pop(near, None)
        if not partly:
            return None
        likeness = lambda number: sum(value * self._bags[number].get(word, 0.0) for word, value in vector.items())
        # Common words add little: whoever is nearest by the others is among the nearest few.
        best = max(nlargest(NEAREST, sorted(partly), key=partly.__getitem__), key=likeness)
        closest, own = likeness(best), likeness(near)
        if closest < CLOSE or self._seeds[best].emoji == seed.emoji:
            return None
        if closest > own + MARGIN:
            return "drifted", self._seeds[best]
        # Two seeds that are alike themselves cannot be told apart by their words any better than this.
        between = sum(value * self._bags[best].get(word, 0.0) for word, value in self._bags[near].items())
        if closest > own - MARGIN and between < CLOSE:
            return "ambiguous", self._seeds[best]
        return None
