"""The metrics as columns: which texts each is over, what one answer gives, and how the figures become one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pocketmoji.core.errors import InputError
from pocketmoji.core.records import GROUPS, EvaluationText, Group, Prediction
from pocketmoji.evaluate import metrics as m
from pocketmoji.evaluate.metrics.distinct_outputs import rarity

PARAPHRASES: tuple[Group, ...] = ("other_words", "paraphrase")
TRAINED: tuple[Group, ...] = ("seed", *PARAPHRASES)
# An everyday phrase has no one answer, so nothing that compares with one is about it.
LISTED: tuple[Group, ...] = tuple(group for group in GROUPS if group != "everyday")
ALIASES = {"recall": "paraphrase_recall"}


@dataclass(frozen=True)
class Measure:
    """One metric. `values` gives a figure from 0 to 1 for each answer to a text of `groups`.

    kind says how they become one: "proportion" and "mean" over texts, "macro" over seeds of the mean over a seed's
    texts. Only primary measures are tested when models are compared, so that few tests have to be corrected for.
    """

    name: str
    title: str
    meaning: str
    kind: Literal["proportion", "mean", "macro"]
    groups: tuple[Group, ...]
    values: Callable[[Sequence[EvaluationText], Sequence[Prediction]], list[float]]
    primary: bool = False
    higher_is_better: bool = True


def measures(low: int, high: int) -> dict[str, Measure]:
    """All metrics by name; `low` and `high` are the range of `count_in_range`."""

    def of_answer(score: Callable[[Prediction], float]) -> Any:
        return lambda texts, predictions: [float(score(p)) for p in predictions]

    def of_both(score: Callable[[Prediction, str], float]) -> Any:
        return lambda texts, predictions: [float(score(p, t.emoji)) for t, p in zip(texts, predictions, strict=True)]

    count = of_answer(lambda p: m.count_in_range(p, low, high))
    exact = of_both(m.exact_match)
    listed = [
        Measure("other_words_recall", "Other words", "quite other words for a trained phrase give exactly its emoji",
                "proportion", ("other_words",), exact, primary=True),
        Measure("other_words_overlap", "Other words, some of it", "quite other words for a trained phrase give at "
                "least one of its emoji", "proportion", ("other_words",), of_both(m.shares_an_emoji)),
        Measure("everyday_acceptable", "Everyday", "a phrase that is on no list gives an emoji that would do",
                "proportion", ("everyday",), of_both(m.acceptable), primary=True),
        Measure("typed_recall", "Typed", "a trained phrase in capitals, title case, as a hashtag or with a typo gives "
                "exactly its emoji", "proportion", ("typed",), exact, primary=True),
        Measure("compliance", "Compliance", "emoji and nothing else, and stopped by itself", "proportion", GROUPS,
                of_answer(m.compliant), primary=True),
        Measure("seed_recall", "Seed recall", "a trained phrase gives exactly its emoji", "proportion", ("seed",),
                exact, primary=True),
        Measure("paraphrase_recall", "Paraphrase recall", "other words for a trained phrase give exactly its emoji; "
                "each seed counts once", "macro", PARAPHRASES, exact, primary=True),
        Measure("untaught_recall", "Untaught paraphrases", "paraphrases of a phrase of which none was trained give "
                "exactly its emoji", "proportion", ("untaught",), exact),
        Measure("transfer", "Transfer", "a phrase that was never trained gives at least one of its emoji",
                "proportion", ("heldout_seed",), of_both(m.shares_an_emoji), primary=True),
        Measure("f1", "Order-free F1", "how much of the expected emoji, and how little else", "mean", LISTED,
                of_both(m.f1), primary=True),
        Measure("exact_match", "Exact match", "trained phrases and their paraphrases", "proportion", TRAINED, exact),
        Measure("first_emoji", "First emoji", "the answer begins right, trained phrases and paraphrases",
                "proportion", TRAINED, of_both(m.first_emoji)),
        Measure("meaning", "Meaning", "keyword overlap with the expected emoji by CLDR's names", "mean", LISTED,
                of_both(m.meaning)),
        Measure("stopped", "Stopped by itself", "ended its answer before the limit on tokens", "proportion", GROUPS,
                of_answer(m.stopped)),
        Measure("qualified_form", "Qualified form", "compliant, every emoji fully qualified", "proportion", GROUPS,
                of_answer(m.qualified_form)),
        Measure("count_in_range", f"{low} to {high} emoji", "compliant, with as many emoji as the phrases have",
                "proportion", LISTED, count),
        Measure("repetition", "Repetition", "share of an answer that was said in it before", "mean", GROUPS,
                of_answer(m.repetition), higher_is_better=False),
        Measure("distinct_outputs", "Distinct outputs", "different answers per text", "mean", GROUPS,
                lambda texts, predictions: rarity(predictions)),
    ]  # fmt: skip
    return {measure.name: measure for measure in listed}


def measure_named(name: str, known: Mapping[str, Measure]) -> Measure:
    """The metric of that name or alias; an InputError lists the names."""
    found = known.get(ALIASES.get(name, name))
    if found is None:
        raise InputError(f"there is no metric {name!r}", expected=", ".join([*known, *ALIASES]))
    return found


def emoji_range(texts: Sequence[EvaluationText]) -> tuple[int, int]:
    """How few and how many emoji the expected answers have: what an answer of a sensible length has."""
    counts = [len(m.answer.emoji_of(text.emoji) or ()) for text in texts if text.group in LISTED]
    return min(counts, default=1), max(counts, default=1)
