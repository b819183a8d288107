"""Answers that are right for another seed: what a model mixes up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pocketmoji.core.records import EvaluationText, Prediction, Record
from pocketmoji.evaluate.metrics.answer import answer_emoji, emoji_of


class Confusion(Record):
    """`count` texts of the seed `wanted` got exactly the emoji of the seed `said`; `text` is one of them."""

    wanted: str
    said: str
    wanted_text: str
    said_text: str
    emoji_wanted: str
    emoji_said: str
    text: str
    count: int


def confusions(texts: Sequence[EvaluationText], predictions: Sequence[Prediction]) -> list[Confusion]:
    """Every pair of seeds that was mixed up, the most frequent first. Where seeds share their emoji, the
    first counts.
    """
    owner: dict[tuple[str, ...], EvaluationText] = {}
    own: dict[str, EvaluationText] = {}
    for text in texts:
        if text.group == "everyday":
            continue
        owner.setdefault(emoji_of(text.emoji) or (), text)
        own.setdefault(text.seed_id, text)
    count: Counter[tuple[str, str]] = Counter()
    example: dict[tuple[str, str], str] = {}
    for text, prediction in zip(texts, predictions, strict=True):
        answer = answer_emoji(prediction)
        if text.group == "everyday" or answer is None or answer == emoji_of(text.emoji) or answer not in owner:
            continue
        pair = (text.seed_id, owner[answer].seed_id)
        count[pair] += 1
        example.setdefault(pair, text.text)
    return [
        Confusion(
            wanted=wanted,
            said=said,
            wanted_text=own[wanted].text,
            said_text=own[said].text,
            emoji_wanted=own[wanted].emoji,
            emoji_said=own[said].emoji,
            text=example[(wanted, said)],
            count=n,
        )
        for (wanted, said), n in sorted(count.items(), key=lambda item: (-item[1], item[0]))
    ]
