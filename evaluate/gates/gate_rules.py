"""The gates of `pocketmoji evaluate --gate`: a limit on a metric, or no worse than a baseline."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pocketmoji.core.errors import InputError
from pocketmoji.core.records import EvaluationText, Interval, Prediction, Record
from pocketmoji.evaluate.gates.baseline_file import Baseline, answers_of, key_of
from pocketmoji.evaluate.runtimes.runtime_spec import NAME
from pocketmoji.evaluate.scoring.comparison import LEVEL, Comparison, compare_one
from pocketmoji.evaluate.scoring.measures import Measure, measure_named
from pocketmoji.evaluate.scoring.table import score_texts
from pocketmoji.evaluate.statistics.bootstrap import cluster_sums
from pocketmoji.evaluate.statistics.power import smallest_detectable
from pocketmoji.evaluate.statistics.significance import holm, sign_flip

RULE = re.compile(rf"([a-z0-9_]+)(?:@({NAME.pattern}))?(?:(:no-worse)|(>=|<=|>|<)([0-9.]+)(%?))")
EXAMPLES = "compliance>=0.99, recall>=80%, repetition<=0.1, recall:no-worse, or compliance@NAME>=0.95 for one runtime"
ROUNDING = 1e-9
FEWEST_COMMON = 0.5


@dataclass(frozen=True)
class Rule:
    """One --gate. operator is ">=", "<=", ">", "<" or "no-worse" (then there is no limit); runtime None:
    all of them.
    """

    given: str
    metric: str
    runtime: str | None
    operator: str
    limit: float | None


class Outcome(Record):
    """A gate's verdict on one runtime. missed_by is how far the value is on the wrong side, 0 if it passed.

    For no-worse: limit is the baseline's value on the common texts, p the one-sided clustered test's after Holm's
    correction over all such gates, detectable the smallest loss that it would have found in four of five cases.
    """

    gate: str
    runtime: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    limit: float | None
    passed: bool
    missed_by: float
    p: float | None = None
    detectable: float | None = None
    says: str


def parse_rule(given: str, measures: Mapping[str, Measure], runtimes: Sequence[str], has_baseline: bool) -> Rule:
    """A --gate as given; an InputError names what does not fit."""
    found = RULE.fullmatch(re.sub(r"\s+", "", given))
    if not found:
        raise InputError(f"--gate is {given!r}", expected=EXAMPLES)
    metric, runtime, no_worse, operator, number, percent = found.groups()
    name = measure_named(metric, measures).name
    if runtime and runtime not in runtimes:
        raise InputError(f"--gate {given!r} names the runtime {runtime!r}", expected=", ".join(runtimes))
    if no_worse:
        if not has_baseline:
            raise InputError(f"--gate {given!r} has nothing to compare with", remedy="give --baseline FILE")
        return Rule(given, name, runtime, "no-worse", None)
    try:
        limit = float(number) / (100 if percent else 1)
    except ValueError:
        raise InputError(f"--gate {given!r}: {number!r} is no number", expected=EXAMPLES) from None
    if not 0 <= limit <= 1:
        raise InputError(f"--gate {given!r} has the limit {limit:g}", expected="0 to 1, or 0% to 100%")
    return Rule(given, name, runtime, operator, limit)


def judge_rules(
    rules: Sequence[Rule],
    scores: Mapping[str, Mapping[str, Interval | None]],
    measures: Mapping[str, Measure],
    against: Mapping[str, Mapping[str, tuple[Comparison, Any, Any]]],
) -> list[Outcome]:
    """One outcome per rule and runtime. `against` is what `compare_with_baseline` gives, by runtime and metric."""
    found: list[Outcome] = []
    for rule in rules:
        for runtime in [rule.runtime] if rule.runtime else list(scores):
            interval = scores[runtime][rule.metric]
            if rule.operator != "no-worse":
                found.append(_limit(rule, runtime, interval))
            else:
                found.append(_no_worse(rule, runtime, interval, measures, against))
    tests = [i for i, outcome in enumerate(found) if outcome.p is not None]
    for i, p in zip(tests, holm([found[i].p or 0.0 for i in tests]), strict=True):
        found[i] = _verdict(found[i], p, len(tests), measures, against)
    return found


def compare_with_baseline(
    texts: Sequence[EvaluationText],
    predictions: Mapping[str, Sequence[Prediction]],
    measures: Mapping[str, Measure],
    baseline: Baseline,
    path: Path,
    random_seed: int = 0,
) -> dict[str, dict[str, tuple[Comparison, Any, Any]]]:
    """Each runtime against the baseline on the texts that both answered: by metric the comparison (a is the baseline)
    and the sums and sizes per seed that its tests are made of."""
    found: dict[str, dict[str, tuple[Comparison, Any, Any]]] = {}
    for name, said in predictions.items():
        before = answers_of(baseline, name, len(predictions) == 1, path)
        pairs = zip(texts, said, strict=True)
        common = [(text, before[key_of(text)], now) for text, now in pairs if key_of(text) in before]
        if len(common) < FEWEST_COMMON * len(texts) or not common:
            raise InputError(
                f"the baseline has {len(common)} of the {len(texts)} texts",
                expected="at least half of them: the same dataset and settings",
                where=path,
                remedy="evaluate the dataset that the baseline was made on, or make a new one with --write-baseline",
            )
        shared = [text for text, _, _ in common]
        old = score_texts(shared, [p for _, p, _ in common], measures)
        new = score_texts(shared, [p for _, _, p in common], measures)
        found[name] = {}
        for measure in measures.values():
            kept = [i for i, text in enumerate(shared) if text.group in measure.groups]
            if not kept:
                continue
            comparison = compare_one(shared, old, new, measure, ("baseline", name), random_seed)
            sign = 1 if measure.higher_is_better else -1
            gains = [sign * (new[measure.name][i] - old[measure.name][i]) for i in kept]
            sums, sizes = cluster_sums(gains, [shared[i].seed_id for i in kept])
            if measure.kind == "macro":
                sums, sizes = sums / sizes, sizes * 0 + 1
            found[name][measure.name] = (comparison, sums, sizes)
    return found


def _limit(rule: Rule, runtime: str, interval: Interval | None) -> Outcome:
    limit = rule.limit or 0.0
    if interval is None:
        return _nothing(rule, runtime)
    value = interval.value
    miss = {">=": limit - value, ">": limit - value, "<=": value - limit, "<": value - limit}[rule.operator]
    passed = miss <= ROUNDING if rule.operator in (">=", "<=") else miss < -ROUNDING
    missed = 0.0 if passed else max(miss, 0.0)
    says = "" if passed else f"misses the limit by {missed * 100:.2f} points"
    return _outcome(rule, runtime, interval, limit, passed, missed, says)


def _no_worse(
    rule: Rule,
    runtime: str,
    interval: Interval | None,
    measures: Mapping[str, Measure],
    against: Mapping[str, Mapping[str, tuple[Comparison, Any, Any]]],
) -> Outcome:
    compared = against[runtime].get(rule.metric)
    if interval is None or compared is None:
        return _nothing(rule, runtime)
    comparison, sums, _ = compared
    p = sign_flip(sums, alternative="less")
    now = interval.model_copy(update={"value": comparison.value_b, "n": comparison.n})
    return _outcome(rule, runtime, now, comparison.value_a, True, 0.0, "").model_copy(update={"p": p})


def _verdict(
    outcome: Outcome,
    p: float,
    tests: int,
    measures: Mapping[str, Measure],
    against: Mapping[str, Mapping[str, tuple[Comparison, Any, Any]]],
) -> Outcome:
    """The outcome of a no-worse gate, `p` corrected for so many tests."""
    _, sums, sizes = against[outcome.runtime][outcome.metric]
    detectable = smallest_detectable(sums, sizes, level=LEVEL / tests, sides=1)
    value, limit = outcome.value or 0.0, outcome.limit or 0.0
    loss = limit - value if measures[outcome.metric].higher_is_better else value - limit
    passed = p > LEVEL
    could = "no loss at all, with so few texts" if detectable is None else f"{detectable * 100:.1f} points"
    if passed:
        says = f"no significant loss (p = {p:.3f}); the smallest that would have been seen: {could}"
    else:
        says = f"worse than the baseline by {loss * 100:.2f} points (p = {p:.4f})"
    return outcome.model_copy(
        update={"p": p, "detectable": detectable, "passed": passed, "missed_by": 0.0 if passed else loss, "says": says}
    )


def _outcome(
    rule: Rule, runtime: str, interval: Interval, limit: float, passed: bool, missed: float, says: str
) -> Outcome:
    return Outcome(
        gate=rule.given,
        runtime=runtime,
        metric=rule.metric,
        value=interval.value,
        low=interval.low,
        high=interval.high,
        limit=limit,
        passed=passed,
        missed_by=missed,
        says=says,
    )


def _nothing(rule: Rule, runtime: str) -> Outcome:
    """A gate on something that was not measured must not pass."""
    return Outcome(
        gate=rule.given,
        runtime=runtime,
        metric=rule.metric,
        value=None,
        low=None,
        high=None,
        limit=rule.limit,
        passed=False,
        missed_by=0.0,
        says="there are no texts of this kind, so the gate cannot be judged",
    )
