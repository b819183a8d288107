"""Do two runtimes say the same, and where do they first part?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from pocketmoji.core.records import EvaluationText, Interval, Prediction, Record
from pocketmoji.evaluate.statistics.proportion import proportion

SHOWN = 50


class Divergence(Record):
    """A text that two runtimes answer differently. `position` is the first differing token (or character), from 1;
    `token_a` and `token_b` are the ids there, None where that answer had ended or its runtime tells no tokens."""

    text: str
    position: int
    raw_a: str
    raw_b: str
    token_a: int | None
    token_b: int | None


class Parity(Record):
    """Agreement of two runtimes. unit says what was compared: "token" if both tell their tokens and use one tokenizer,
    else "character" of the raw outputs. earliest and median are first differing positions, None where all agree.
    divergences holds the first 50."""

    a: str
    b: str
    unit: str
    same: Interval
    earliest: int | None
    median: int | None
    divergences: list[Divergence]


def first_difference(one: Sequence[object], other: Sequence[object]) -> int | None:
    """The first place (from 1) where two sequences differ, one after the end of the shorter counts; None if
    they are equal.
    """
    missing = object()
    pairs = zip_longest(one, other, fillvalue=missing)
    return next((at for at, (x, y) in enumerate(pairs, start=1) if x != y), None)


def parity(
    texts: Sequence[EvaluationText],
    a: tuple[str, Sequence[Prediction]],
    b: tuple[str, Sequence[Prediction]],
    same_tokenizer: bool,
) -> Parity:
    """Compare the predictions of two runtimes, given with their names, text by text."""
    by_token = same_tokenizer and all(p.tokens for p in (*a[1], *b[1]))
    parted = []
    for text, one, other in zip(texts, a[1], b[1], strict=True):
        units = (one.tokens, other.tokens) if by_token else (_said(one), _said(other))
        position = first_difference(*units)
        if position is not None:
            token = lambda p, at=position: p.tokens[at - 1] if by_token and at <= len(p.tokens) else None
            parted.append(
                Divergence(
                    text=text.text,
                    position=position,
                    raw_a=one.raw,
                    raw_b=other.raw,
                    token_a=token(one),
                    token_b=token(other),
                )
            )
    same = proportion([True] * (len(texts) - len(parted)) + [False] * len(parted))
    assert same is not None  # there is at least one text
    positions = sorted(one.position for one in parted)
    return Parity(
        a=a[0],
        b=b[0],
        unit="token" if by_token else "character",
        same=same,
        earliest=positions[0] if positions else None,
        median=positions[(len(positions) - 1) // 2] if positions else None,
        divergences=parted[:SHOWN],
    )


def _said(prediction: Prediction) -> list[str]:
    """The characters of an answer, and whether it ended."""
    return [*prediction.raw, *(["<stop>"] if prediction.stopped else [])]
