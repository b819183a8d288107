"""A recording, and rules for what it does not have: real paraphrases without a key, as far as they go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pocketmoji.datagen.clients.recorded import RecordedModel
from pocketmoji.datagen.requests.teacher import Ask, Candidate, Teacher


class FilledUp:
    """Asks `recorded` for the phrases that `recording` has and makes up by rules what is missing; every candidate says
    which of the two it is from."""

    exhausted = ""

    def __init__(self, recorded: Teacher, recording: RecordedModel, rules: Teacher) -> None:
        self.name = recorded.name
        self._recorded, self._recording, self._rules = recorded, recording, rules

    def paraphrase(self, asks: Sequence[Ask], done: Callable[[int], None]) -> Iterator[list[Candidate]]:
        known = [bool(self._recording.left(ask)) for ask in asks]
        found = self._recorded.paraphrase([ask for ask, has in zip(asks, known, strict=True) if has], done)
        for ask, has in zip(asks, known, strict=True):
            candidates = next(found) if has else []
            if not has:
                done(1)
            avoid = (*ask.avoid, *(candidate.text for candidate in candidates))
            missing = Ask(ask.seed, ask.wanted - len(candidates), avoid)
            yield candidates + next(self._rules.paraphrase([missing], lambda n: None))
