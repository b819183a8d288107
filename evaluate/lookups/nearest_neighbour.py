"""The emoji of the most similar training text: TF-IDF over character n-grams, cosine similarity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log

from pocketmoji.core.records import Example, Prediction
from pocketmoji.core.runtime import Progress

SIZES = (2, 3, 4)


class NearestNeighbour:
    """Answers with the emoji of the training text that is nearest to the text.

    A text in lower case, padded with a space at each end of a word, is its n-grams of 2 to 4 characters within words.
    One weighs (1 + ln tf) · (1 + ln((1 + N) / (1 + df))), vectors are of length 1; the first of equally near texts
    counts. Source: Salton and Buckley, Information Processing and Management 24 (1988), as in scikit-learn's
    TfidfVectorizer.
    """

    name = "nearest-neighbour"

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = list(examples)
        counts = [Counter(ngrams(example.text)) for example in self.examples]
        frequency = Counter(gram for count in counts for gram in count)
        self.weight = {gram: 1 + log((1 + len(counts)) / (1 + df)) for gram, df in frequency.items()}
        self.containing: dict[str, list[tuple[int, float]]] = {}
        for i, count in enumerate(counts):
            for gram, value in self._vector(count).items():
                self.containing.setdefault(gram, []).append((i, value))

    def predict(self, texts: Sequence[str], progress: Progress | None = None) -> list[Prediction]:
        """One prediction per text, in the order of `texts`."""
        found = []
        for text in texts:
            near: dict[int, float] = {}
            for gram, value in self._vector(Counter(ngrams(text))).items():
                for i, other in self.containing.get(gram, ()):
                    near[i] = near.get(i, 0.0) + value * other
            best = max(near, key=lambda i: (round(near[i], 9), -i), default=0)
            raw = self.examples[best].emoji
            found.append(Prediction(text=text, raw=raw, tokens=[], stopped=True, seconds=0.0))
            if progress:
                progress(1)
        return found

    def _vector(self, count: Counter[str]) -> dict[str, float]:
        """The weights of a text's known n-grams, of length 1."""
        found = {gram: (1 + log(n)) * self.weight[gram] for gram, n in count.items() if gram in self.weight}
        length = sum(value * value for value in found.values()) ** 0.5
        return {gram: value / length for gram, value in found.items()} if length else {}


def ngrams(text: str) -> list[str]:
    """The character n-grams of each word of `text`, its padding included."""
    words = [f" {word} " for word in text.lower().split()]
    return [word[i : i + size] for word in words for size in SIZES for i in range(len(word) - size + 1)]
