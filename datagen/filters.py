"""Which candidates of a teacher may enter a dataset. Every one that may not is kept on record with the reason."""

from __future__ import annotations

from datagen.similarity import normalise_text
from datagen.teacher import Candidate
from pocketmoji.emoji import VARIATION_SELECTOR_16, ZERO_WIDTH_JOINER, emoji_table
from pocketmoji.records import Record, Seed

CONTROL_TOKENS = ("<bos>", "<eos>", "<pad>", "<unk>", "<start_of_turn>", "<end_of_turn>")


class Dropped(Record):
    """A candidate that did not enter the dataset, and why (one of a few fixed reasons, so that they can be counted)."""

    seed_id: str
    text: str
    origin: str
    reason: str


def has_emoji(text: str) -> bool:
    """True if an emoji, or a piece of one, is in the text."""
    table, pieces = emoji_table(), (VARIATION_SELECTOR_16, ZERO_WIDTH_JOINER)
    return any(c in table or c in pieces or "\U0001f1e6" <= c <= "\U0001f3ff" for c in text)


def control_token(text: str) -> str | None:
    """A control token of the model that the text would smuggle into a prompt."""
    return next((token for token in CONTROL_TOKENS if token in text), None)


class Screen:
    """Judges candidates in the order they are offered; what it accepts is what later ones may not repeat."""

    def __init__(self, seeds: list[Seed]) -> None:
        self._owner = {normalise_text(seed.text): seed.seed_id for seed in seeds}
        self._seed_keys = frozenset(self._owner)
        self.dropped: list[Dropped] = []

    def accept(self, seed: Seed, candidate: Candidate) -> Candidate | None:
        """The candidate with its white space tidied, or None, with the reason put into `dropped`."""
        text = " ".join(candidate.text.split())
        reason = self._reason(seed, text)
        if reason:
            self.drop(seed, Candidate(text, candidate.origin), reason)
            return None
        self._owner[normalise_text(text)] = seed.seed_id
        return Candidate(text, candidate.origin)

    def drop(self, seed: Seed, candidate: Candidate, reason: str) -> None:
        self.dropped.append(Dropped(seed_id=seed.seed_id, text=candidate.text, origin=candidate.origin, reason=reason))

    def _reason(self, seed: Seed, text: str) -> str | None:
        if not any(c.isalnum() for c in text):
            return "empty"
        if has_emoji(text):
            return "has an emoji"
        if control_token(text):
            return "has a control token"
        if len(text) > 2 * len(seed.text) + 40:
            return "too long"
        key = normalise_text(text)
        owner = self._owner.get(key)
        if owner is None:
            return None
        if owner == seed.seed_id:
            return "same as its seed" if key in self._seed_keys else "said twice"
        return "same as another seed" if key in self._seed_keys else "said of another seed"
