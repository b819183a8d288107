"""Scores of one runtime's predictions: the summary, every failure, and one row per seed."""

from __future__ import annotations

from collections.abc import Sequence

from pocketmoji.core.errors import InputError
from pocketmoji.core.records import EvaluationText, Group, Interval, Prediction, Record, Scores
from pocketmoji.core.text.emoji import find_fault
from pocketmoji.evaluate.metrics import (
    acceptable,
    compliant,
    exact_match,
    first_emoji,
    order_free_match,
    same_tokens,
    shares_an_emoji,
    stopped,
)
from pocketmoji.evaluate.scoring.measures import PARAPHRASES, TRAINED
from pocketmoji.evaluate.statistics.proportion import proportion


class Failure(Record):
    """A text whose answer was not as expected, and in what way."""

    seed_id: str
    group: str
    text: str
    expected: str
    raw: str
    problem: str


class SeedScore(Record):
    """How one seed fared: over its own text, as it is and typed, and its held-out paraphrases, or over the texts of an
    untrained seed.

    `answer` is the raw output for `text`, the seed's own text (the first of its texts where that was not evaluated).
    """

    seed_id: str
    text: str
    expected: str
    answer: str
    trained: bool
    texts: int
    compliant: int
    exact: int
    overlapping: int


def summarise(
    texts: Sequence[EvaluationText],
    predictions: Sequence[Prediction],
    reference: Sequence[Prediction] | None = None,
) -> Scores:
    """The scores of `predictions`, which answer `texts` one by one.

    Compliance and stop rate are over all texts; seed recall is exact match over seeds, paraphrase recall exact match
    over held-out paraphrases, other words among them; order-free and first-emoji recall are over both; transfer is the
    share of texts of untrained seeds with an emoji in common; parity is the share of texts, of those that `reference`
    answered too, with the same tokens. The measures of what people type are those of `measures`.
    """
    pairs = _paired(texts, predictions)
    trained = [(t, p) for t, p in pairs if t.group in TRAINED]

    def exact(*groups: Group) -> Interval | None:
        return proportion(exact_match(p, t.emoji) for t, p in pairs if t.group in groups)

    by_text = {p.text: p for p in reference or ()}
    compliance = proportion(compliant(p) for _, p in pairs)
    stop_rate = proportion(stopped(p) for _, p in pairs)
    assert compliance is not None and stop_rate is not None  # there is at least one pair
    return Scores(
        n=len(pairs),
        compliance=compliance,
        stop_rate=stop_rate,
        seed_recall=exact("seed"),
        paraphrase_recall=exact(*PARAPHRASES),
        other_words_recall=exact("other_words"),
        other_words_overlap=proportion(shares_an_emoji(p, t.emoji) for t, p in pairs if t.group == "other_words"),
        everyday_acceptable=proportion(acceptable(p, t.emoji) for t, p in pairs if t.group == "everyday"),
        typed_recall=exact("typed"),
        untaught_recall=exact("untaught"),
        order_free_recall=proportion(order_free_match(p, t.emoji) for t, p in trained),
        first_emoji_recall=proportion(first_emoji(p, t.emoji) for t, p in trained),
        transfer=proportion(shares_an_emoji(p, t.emoji) for t, p in pairs if t.group == "heldout_seed"),
        parity=proportion(same_tokens(p, by_text[p.text]) for _, p in pairs if p.text in by_text),
    )


def failures(texts: Sequence[EvaluationText], predictions: Sequence[Prediction]) -> list[Failure]:
    """Every answer that is not as expected: not exact for a trained seed, nothing in common for an untrained one, none
    of the emoji that would do for an everyday phrase."""
    found = []
    for text, prediction in _paired(texts, predictions):
        problem = _problem(text, prediction)
        if problem:
            found.append(
                Failure(
                    seed_id=text.seed_id,
                    group=text.group,
                    text=text.text,
                    expected=text.emoji,
                    raw=prediction.raw,
                    problem=problem,
                )
            )
    return found


def per_seed(texts: Sequence[EvaluationText], predictions: Sequence[Prediction]) -> list[SeedScore]:
    """One row per seed of the list, the worst first (share of exact answers), then by seed_id."""
    by_seed: dict[str, list[tuple[EvaluationText, Prediction]]] = {}
    for text, prediction in _paired(texts, predictions):
        if text.group != "everyday":
            by_seed.setdefault(text.seed_id, []).append((text, prediction))
    rows = []
    for seed_id, pairs in by_seed.items():
        own, answer = next((pair for pair in pairs if pair[0].group == "seed"), pairs[0])
        rows.append(
            SeedScore(
                seed_id=seed_id,
                text=own.text,
                expected=own.emoji,
                answer=answer.raw,
                trained=own.group != "heldout_seed",
                texts=len(pairs),
                compliant=sum(compliant(p) for _, p in pairs),
                exact=sum(exact_match(p, t.emoji) for t, p in pairs),
                overlapping=sum(shares_an_emoji(p, t.emoji) for t, p in pairs),
            )
        )
    return sorted(rows, key=lambda row: (row.exact / row.texts, row.seed_id))


def _paired(
    texts: Sequence[EvaluationText], predictions: Sequence[Prediction]
) -> list[tuple[EvaluationText, Prediction]]:
    if not texts:
        raise InputError("there are no evaluation texts", expected="at least one")
    if [t.text for t in texts] != [p.text for p in predictions]:
        raise ValueError("predictions must answer the texts one by one, in their order")
    return list(zip(texts, predictions, strict=True))


def _problem(text: EvaluationText, prediction: Prediction) -> str | None:
    if not prediction.raw:
        return "the answer is empty"
    fault = find_fault(prediction.raw)
    if fault:
        return f"not only emoji: {fault.reason}, character {fault.column}"
    if not prediction.stopped:
        return f"did not stop by itself within {len(prediction.tokens)} tokens"
    if text.group == "everyday":
        return None if acceptable(prediction, text.emoji) else "none of the emoji that would do"
    if text.group == "heldout_seed":
        return None if shares_an_emoji(prediction, text.emoji) else "no emoji in common (this seed was not trained)"
    if exact_match(prediction, text.emoji):
        return None
    if order_free_match(prediction, text.emoji):
        return "the right emoji in another order"
    if first_emoji(prediction, text.emoji):
        return "begins right, the rest differs"
    return "some of the emoji" if shares_an_emoji(prediction, text.emoji) else "other emoji"
