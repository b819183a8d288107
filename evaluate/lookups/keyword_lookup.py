"""The emoji whose CLDR keywords are in the text: what a phone's keyboard suggests, without any training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median_low

from pocketmoji.core.records import Example, Prediction
from pocketmoji.core.runtime import Progress
from pocketmoji.core.text.cldr import cldr_table, has_names, keyword_weight, keywords, words
from pocketmoji.core.text.emoji import fully_qualified_emoji
from pocketmoji.core.text.language import find_languages
from pocketmoji.core.text.plain import plain


class KeywordLookup:
    """Answers with the emoji that share the most keyword weight with the text, as many as training answers usually
    have.

    An emoji's score is the summed weight of the text's words among its keywords over the square root of their number,
    so that an emoji with many keywords is not always the nearest; ties go to the emoji that Unicode lists first. Each
    next emoji is chosen for the words that are still without one. A text without any keyword gets the commonest
    training answer. The keywords are of the language that the training texts are in, if CLDR's names are here in it.
    """

    name = "cldr-keywords"

    def __init__(self, examples: Sequence[Example]) -> None:
        from pocketmoji.evaluate.metrics.answer import emoji_of

        answers = Counter(example.emoji for example in examples)
        self.fallback = max(answers, key=lambda emoji: (answers[emoji], emoji))
        self.size = median_low([len(emoji_of(example.emoji) or "x") for example in examples])
        spoken = find_languages(example.text for example in examples if example.origin == "seed")
        self.language = next(filter(has_names, spoken), "en")
        self.by_keyword: dict[str, list[tuple[str, float]]] = {}
        known = cldr_table(self.language)
        for emoji in fully_qualified_emoji():
            found = known.get(emoji.replace("\ufe0f", ""))
            for word in found[1] if found else ():
                value = keyword_weight(word, self.language) / len(found[1]) ** 0.5 if found else 0.0
                self.by_keyword.setdefault(word, []).append((emoji, value))

    def predict(self, texts: Sequence[str], progress: Progress | None = None) -> list[Prediction]:
        """One prediction per text, in the order of `texts`."""
        found = []
        for text in texts:
            raw = self._look_up(words(plain(text), self.language)) or self.fallback
            found.append(Prediction(text=text, raw=raw, tokens=[], stopped=True, seconds=0.0))
            if progress:
                progress(1)
        return found

    def _look_up(self, said: list[str]) -> str:
        left = dict.fromkeys(said)
        chosen: list[str] = []
        while len(chosen) < self.size:
            score: dict[str, float] = {}
            for word in left:
                for emoji, value in self.by_keyword.get(word, ()):
                    score[emoji] = score.get(emoji, 0.0) + value
            if not score:
                break
            best = max(score, key=score.__getitem__)
            chosen.append(best)
            left = {word: None for word in left if word not in keywords(best, self.language)}
        return "".join(chosen)
