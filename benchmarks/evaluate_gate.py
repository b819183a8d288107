"""Claim: a no-worse gate raises at most 5% false alarms, and finds the loss that it claims to find in 80% of cases.

A model here is a chance of being right for each text, drawn per seed so that the texts of a seed go together (as they
do in real runs), and an answer is a draw: two evaluations of the same model differ by chance, as with sampling or
another machine's rounding. Over 1,000 A/A comparisons, each on texts resampled by seed, the gate must keep still. Then
the same with a loss planted: each right answer becomes wrong with the chance that makes the expected loss as large as
what the gate, looking at the A/A comparison, says that it could have seen. The gate goes the whole way: a baseline file
is written and read, and the rule is given as on the command line. The other side, for comparison: the same decision by
an unpaired one-sided test of two shares (Fisher's exact). One line of JSON at the end; exits 0 whether it holds or not.
"""

from __future__ import annotations

import json
import tempfile
from functools import cache
from math import lgamma
from pathlib import Path

import numpy as np

from pocketmoji.core.records import EvaluationText, Prediction
from pocketmoji.evaluate.gates.baseline_file import read_baseline, write_baseline
from pocketmoji.evaluate.gates.gate_rules import Outcome, compare_with_baseline, judge_rules, parse_rule
from pocketmoji.evaluate.scoring.measures import measures
from pocketmoji.evaluate.scoring.table import aggregate, score_texts

COMPARISONS, SEEDS, PARAPHRASES = 1_000, 60, 2
MEASURES = {name: one for name, one in measures(1, 3).items() if name in ("paraphrase_recall", "compliance")}
RULES = [parse_rule("recall:no-worse", MEASURES, ["model"], has_baseline=True)]
FLICKER = 0.04  # of the texts change between two evaluations of one model


def texts_of(seeds: np.ndarray) -> list[EvaluationText]:
    """Two paraphrases of each drawn seed; a seed that was drawn twice counts as two."""
    rows = [(place, k) for place in range(len(seeds)) for k in range(PARAPHRASES)]
    return [
        EvaluationText(text=f"{place} {k}", emoji="🎉", seed_id=f"{place}", group="paraphrase") for place, k in rows
    ]


def answers(texts: list[EvaluationText], right: np.ndarray) -> list[Prediction]:
    return [
        Prediction(text=text.text, raw="🎉" if ok else "🥳", tokens=[], stopped=True, seconds=0.0)
        for text, ok in zip(texts, right, strict=True)
    ]


def judge(texts: list[EvaluationText], before: np.ndarray, after: np.ndarray, path: Path) -> Outcome:
    old, new = answers(texts, before), answers(texts, after)
    score = lambda said: {"model": aggregate(texts, score_texts(texts, said, MEASURES), MEASURES)}
    write_baseline(path, texts, {"model": old}, score(old))
    against = compare_with_baseline(texts, {"model": new}, MEASURES, read_baseline(path), path)
    return judge_rules(RULES, score(new), MEASURES, against)[0]


@cache
def log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def unpaired_alarm(before: int, after: int, n: int) -> bool:
    """Fisher's exact test, one-sided: as few as `after` of n, given before + after of 2n."""
    total = before + after
    low = max(0, total - n)
    chance = sum(
        np.exp(log_choose(n, k) + log_choose(n, total - k) - log_choose(2 * n, total)) for k in range(low, after + 1)
    )
    return bool(chance <= 0.05)


def main() -> None:
    source = np.random.default_rng(0)
    quality = np.clip(source.beta(4, 0.7, size=200), 0, 1)  # how well 200 seeds are known: most well, a few not
    false, found, unpaired, claimed, planted = 0, 0, 0, [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "baseline.json"
        for _ in range(COMPARISONS):
            drawn = source.integers(0, len(quality), SEEDS)
            texts = texts_of(drawn)
            # What a text gives is mostly fixed by the model; a few texts flicker between evaluations.
            fixed = source.random(len(texts)) < np.repeat(quality[drawn], PARAPHRASES)
            evaluation = lambda fixed=fixed: fixed ^ (source.random(len(fixed)) < FLICKER)
            before, again = evaluation(), evaluation()
            outcome = judge(texts, before, again, path)
            false += not outcome.passed
            if outcome.detectable is None:
                continue
            # The loss falls on answers that are right, so each of them must go wrong the more often.
            share = min(1.0, outcome.detectable / max(fixed.mean(), 1e-9))
            worse = evaluation(fixed & ~(source.random(len(fixed)) < share))
            claimed.append(outcome.detectable)
            planted.append(float(before.mean() - worse.mean()))
            found += not judge(texts, before, worse, path).passed
            unpaired += unpaired_alarm(int(before.sum()), int(worse.sum()), len(texts))
    power, alarms = found / len(claimed), false / COMPARISONS
    result = {
        "claim": "at most 5% false alarms over 1,000 A/A comparisons, and 80% alarms at the loss the gate says it sees",
        "value": [alarms, round(power, 3)],
        "bar": [0.05, 0.8],
        "holds": alarms <= 0.05 and power >= 0.8,
        "comparisons": COMPARISONS,
        "texts": SEEDS * PARAPHRASES,
        "seeds": SEEDS,
        "loss_claimed_mean": round(float(np.mean(claimed)), 3),
        "loss_planted_mean": round(float(np.mean(planted)), 3),
        "power_of_the_unpaired_test": round(unpaired / len(claimed), 3),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
