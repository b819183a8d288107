"""Which candidates of a teacher may enter a dataset. Every one that may not is kept on record with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from pocketmoji.core.records import Record, Seed
from pocketmoji.core.text.emoji import VARIATION_SELECTOR_16, ZERO_WIDTH_JOINER, emoji_table
from pocketmoji.datagen.filters.drift import SeedIndex
from pocketmoji.datagen.filters.language import LanguageFilter
from pocketmoji.datagen.filters.similarity import NearIndex, normalise_text
from pocketmoji.datagen.requests.teacher import BY_RULES, Candidate

CONTROL_TOKENS = ("<bos>", "<eos>", "<pad>", "<unk>", "<start_of_turn>", "<end_of_turn>")
SURPLUS_REASON = "more than asked for"


class Dropped(Record):
    """A candidate that did not enter the dataset, and why (one of a few fixed reasons, so that they can be counted).

    `other_text` and `other_seed` are the row that it collided with, where there is one; `why` has a judge's words."""

    seed_id: str
    text: str
    origin: str
    reason: str
    other_text: str | None = None
    other_seed: str | None = None
    why: str | None = None


def has_emoji(text: str) -> bool:
    """True if an emoji, or a piece of one, is in the text."""
    if text.isascii():
        return False
    table, pieces = emoji_table(), (VARIATION_SELECTOR_16, ZERO_WIDTH_JOINER)
    return any(c in table or c in pieces or "\U0001f1e6" <= c <= "\U0001f3ff" for c in text)


def control_token(text: str) -> str | None:
    """A control token of the model that the text would smuggle into a prompt."""
    return next((token for token in CONTROL_TOKENS if token in text), None)


class Screen:
    """Judges candidates in the order they are offered; what it accepts is what later ones may not repeat.

    `record` is given every dropped one; `received` and `reasons` count."""

    def __init__(self, seeds: Sequence[Seed], record: Callable[[Dropped], None], language: str = "auto") -> None:
        self.seeds = seeds
        self._record = record
        self._texts = NearIndex(seed.text for seed in seeds)
        self._owners = list(range(len(seeds)))
        self._index = SeedIndex(seeds)
        self._language = LanguageFilter([seed.text for seed in seeds], language)
        self.received = 0
        self.reasons: Counter[str] = Counter()

    @property
    def language(self) -> str:
        """The language that texts were held to; "" where none was."""
        return self._language.language if self._language.used else ""

    def accept(self, offered: Sequence[tuple[int, Candidate]]) -> list[bool]:
        """Which of the candidates enter, each given with the number of its seed."""
        texts = [" ".join(candidate.text.split()) for _, candidate in offered]
        verdicts = []
        with self._texts.batch(texts) as batch:
            for row, (number, candidate) in enumerate(offered):
                self.received += 1
                seed = self.seeds[number]
                reason, other = self._alone(seed, candidate, texts[row]), None
                if not reason and (twins := batch.near(row)):
                    reason, other = self._twin(number, texts[row], twins)
                if not reason and (elsewhere := self._index.judge(seed, texts[row])):
                    verdict, wrong = elsewhere
                    reason = "nearer to another seed" if verdict == "drifted" else "ambiguous between two seeds"
                    other = (wrong.text, wrong.seed_id)
                verdicts.append(not reason)
                if reason:
                    self.drop(seed, candidate, reason, other)
                else:
                    batch.add(row)
                    self._owners.append(number)
        return verdicts

    def drop(
        self,
        seed: Seed,
        candidate: Candidate,
        reason: str,
        other: tuple[str, str] | None = None,
        why: str | None = None,
    ) -> None:
        self.reasons[reason] += 1
        text, with_seed = other or (None, None)
        self._record(
            Dropped(
                seed_id=seed.seed_id,
                text=" ".join(candidate.text.split()).encode("utf-8", "replace").decode(),
                origin=candidate.origin,
                reason=reason,
                other_text=text,
                other_seed=with_seed,
                why=why,
            )
        )

    def forget_texts(self) -> None:
        """Gives back the memory that comparing takes: nothing more will be offered."""
        del self._texts, self._index

    def _alone(self, seed: Seed, candidate: Candidate, text: str) -> str | None:
        """What is wrong with a text whatever else there is."""
        if not any(c.isalnum() for c in text):
            return "empty"
        if any("\ud800" <= c <= "\udfff" for c in text):
            return "half of a surrogate pair"
        if has_emoji(text):
            return "has an emoji"
        if control_token(text):
            return "has a control token"
        if len(text) > 2 * len(seed.text) + 60:
            return "too long"
        if 4 * len(text) < min(len(seed.text), 40):
            return "too short"
        if candidate.origin.startswith(BY_RULES):  # words of the seed itself, and English around them
            return None
        language = self._language.other(seed.text, text)
        return f"in another language ({language})" if language else None

    def _twin(self, number: int, text: str, twins: Sequence[int]) -> tuple[str, tuple[str, str]]:
        """The reason for a text that is already there, or nearly, and the row it collided with."""
        normal = normalise_text(text)
        same = [twin for twin in twins if normalise_text(self._texts.text(twin)) == normal]
        # An equal text tells more than a near one, and one of another seed more than one of the own.
        chosen = min(same or twins, key=lambda twin: (self._owners[twin] == number, twin))
        own, is_seed = self._owners[chosen] == number, chosen < len(self.seeds)
        if same:
            names = ("same as its seed", "said twice") if own else ("same as another seed", "said of another seed")
        else:
            names = (
                ("near-duplicate of its seed", "near-duplicate within its seed")
                if own
                else ("near-duplicate of another seed", "near-duplicate across seeds")
            )
        other = self.seeds[self._owners[chosen]]
        return names[0 if is_seed else 1], (self._texts.text(chosen), other.seed_id)
