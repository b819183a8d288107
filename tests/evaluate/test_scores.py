"""The summary, the failures, the rows per seed, the files, and the gates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pocketmoji.core.errors import InputError
from pocketmoji.core.records import EvaluationText, Prediction, Scores, read_jsonl
from pocketmoji.evaluate.reports.scores_table import headline, scores_table
from pocketmoji.evaluate.scoring.against_lookups import against_lookups
from pocketmoji.evaluate.scoring.answering import evaluate_runtime
from pocketmoji.evaluate.scoring.measures import measures
from pocketmoji.evaluate.scoring.scores import Failure, SeedScore, failures, per_seed, summarise
from pocketmoji.report.limits import judge, remedy

TEXTS = [
    EvaluationText(text="party", emoji="🎉🥳", seed_id="a", group="seed"),
    EvaluationText(text="a do", emoji="🎉🥳", seed_id="a", group="paraphrase"),
    EvaluationText(text="love", emoji="❤️", seed_id="b", group="seed"),
    EvaluationText(text="fond", emoji="❤️", seed_id="b", group="paraphrase"),
    EvaluationText(text="boat", emoji="⛵🌊", seed_id="c", group="heldout_seed"),
]
ANSWERS = {"party": "🎉🥳", "a do": "🥳🎉", "love": "❤", "fond": "love!", "boat": "🌊"}


class Canned:
    name = "canned"

    def predict(self, texts, progress=None):  # type: ignore[no-untyped-def]
        return [Prediction(text=t, raw=ANSWERS[t], tokens=[len(t), 1], stopped=True, seconds=0.1) for t in texts]


PREDICTIONS = Canned().predict([text.text for text in TEXTS])


def test_summary() -> None:
    scores = summarise(TEXTS, PREDICTIONS)
    found = {key: value for key, value in scores.brief().items() if value is not None}
    assert found == {"n": 5, "compliance": 0.8, "seed_recall": 1.0, "paraphrase_recall": 0.0, "transfer": 1.0}
    assert set(scores.brief()) >= {"other_words_recall", "everyday_acceptable", "typed_recall", "parity"}
    assert scores.stop_rate.value == 1
    assert scores.order_free_recall is not None and scores.order_free_recall.value == 0.75
    assert scores.first_emoji_recall is not None and scores.first_emoji_recall.value == 0.5
    assert scores.transfer is not None and (scores.transfer.value, scores.transfer.n) == (1, 1)


def test_parity_is_over_the_texts_that_both_answered() -> None:
    other = [PREDICTIONS[0], PREDICTIONS[1].model_copy(update={"tokens": [9, 1]})]
    parity = summarise(TEXTS, PREDICTIONS, other).parity
    assert parity is not None and (parity.value, parity.n) == (0.5, 2)
    assert summarise(TEXTS, PREDICTIONS, []).parity is None


def test_groups_that_are_missing_are_none() -> None:
    scores = summarise(TEXTS[:1], PREDICTIONS[:1])
    assert scores.paraphrase_recall is None and scores.transfer is None


def test_failures_say_what_is_wrong() -> None:
    found = {failure.text: failure.problem for failure in failures(TEXTS, PREDICTIONS)}
    assert found == {"a do": "the right emoji in another order", "fond": "not only emoji: a letter, character 1"}


def test_one_row_per_seed_the_worst_first() -> None:
    rows = per_seed(TEXTS, PREDICTIONS)
    assert [(row.seed_id, row.exact, row.texts, row.trained) for row in rows] == [
        ("c", 0, 1, False),
        ("a", 1, 2, True),
        ("b", 1, 2, True),
    ]
    assert rows[2].answer == "❤" and rows[2].compliant == 1


def test_mismatched_predictions_are_refused() -> None:
    with pytest.raises(ValueError, match="in their order"):
        summarise(TEXTS, PREDICTIONS[::-1])
    with pytest.raises(InputError, match="no evaluation texts"):
        summarise([], [])


def test_files(tmp_path: Path) -> None:
    scores = evaluate_runtime(Canned(), TEXTS, tmp_path, "transformers.js/wasm", PREDICTIONS)
    stem = "transformers.js-wasm"
    assert Scores.model_validate_json((tmp_path / f"{stem}.scores.json").read_text("utf-8")) == scores
    assert read_jsonl(tmp_path / f"{stem}.predictions.jsonl", Prediction) == PREDICTIONS
    assert len(read_jsonl(tmp_path / f"{stem}.failures.jsonl", Failure)) == 2
    assert len(read_jsonl(tmp_path / f"{stem}.seeds.jsonl", SeedScore)) == 3
    assert scores.parity is not None and scores.parity.value == 1


def test_what_people_type() -> None:
    text = lambda said, emoji, group: EvaluationText(text=said, emoji=emoji, seed_id=said, group=group)
    texts = [text("a", "🎉🥳", "other_words"), text("b", "🎉🥳", "other_words"), text("c", "🎉🥳", "paraphrase")]
    texts += [text("d", "🎂🍰🎉", "everyday"), text("e", "🎂🍰🎉", "everyday"), text("f", "🎂", "everyday")]
    texts += [text("G", "🎉", "typed"), text("h", "🎉", "untaught")]
    answers = ["🎉🥳", "🥳", "🎉🥳", "😀🍰", "cake 🍰", "🥧", "🎉", "🥧"]
    said = [
        Prediction(text=t.text, raw=raw, tokens=[1], stopped=True, seconds=0)
        for t, raw in zip(texts, answers, strict=True)
    ]
    scores = summarise(texts, said)
    value = lambda interval: interval and (round(interval.value, 4), interval.n)
    assert value(scores.other_words_recall) == (0.5, 2) and value(scores.other_words_overlap) == (1, 2)
    assert value(scores.paraphrase_recall) == (0.6667, 3)  # other words are paraphrases, too
    assert value(scores.everyday_acceptable) == (0.3333, 3)  # of a text that is not emoji only, nothing is acceptable
    assert value(scores.typed_recall) == (1, 1) and value(scores.untaught_recall) == (0, 1)
    assert value(scores.first_emoji_recall) == (0.6667, 3) and scores.seed_recall is None
    problems = {failure.text: failure.problem for failure in failures(texts, said)}
    assert problems["f"] == "none of the emoji that would do" and "d" not in problems
    assert {row.seed_id for row in per_seed(texts, said)} == {"a", "b", "c", "G", "h"}


def test_a_model_beside_the_best_look_up() -> None:
    texts = [EvaluationText(text=str(i), emoji="🎉", seed_id=str(i), group="other_words") for i in range(12)]
    known = measures(1, 1)
    column = lambda right: {name: [float(i < right) for i in range(12)] for name in known}
    table = {"good": column(12), "bad": column(0), "poor look-up": column(2), "look-up": column(6)}
    (good, bad) = against_lookups(texts, table, known, ["good", "bad"], ["poor look-up", "look-up"])
    assert (good.metric, good.lookup, good.value, good.lookup_value) == ("other_words_recall", "look-up", 1, 0.5)
    assert (good.only_model, good.only_lookup, good.p_better, good.p_worse) == (6, 0, 0.015625, 1)
    assert (bad.only_lookup, bad.p_worse) == (6, 0.015625)
    assert against_lookups(texts, table, known, ["good"], []) == []


def test_the_scores_table_has_the_look_ups_beside_them() -> None:
    scores = summarise(TEXTS, PREDICTIONS)
    table = scores_table({"tuned": scores}, {"nearest-neighbour": scores})
    head, line, lookup, tuned = table.splitlines()
    assert head.startswith("| what | texts | compliance | trained phrases, exact |") and "everyday" not in head
    assert head.count("|") == line.count("|") == lookup.count("|") == tuned.count("|")
    assert lookup.startswith("| *nearest-neighbour* (look-up) | 5 |") and "100% (34.2% to 100%)" in tuned
    assert "trained phrases, exact 100% (look-up 100%)" in headline("tuned", scores, {"nearest-neighbour": scores})


def brief(compliance: float, seeds: float, paraphrases: float) -> dict[str, float]:
    return {"n": 100, "compliance": compliance, "seed_recall": seeds, "paraphrase_recall": paraphrases}


def test_gates() -> None:
    summary = {
        "scores": {"tuned": brief(1.0, 0.96, 0.82), "transformers.js/wasm": brief(0.98, 0.93, 0.80)},
        "sizes": {"onnx_q8": 150_000_001, "tokenizer": 1_800_000},
        "shipped": {"artefact": "onnx_q8", "reason": "smallest"},
    }
    passed = {result.gate: result.passed for result in judge(summary)}
    assert passed == {
        "tuned compliance >=": True,
        "tuned seed_recall >=": True,
        "tuned paraphrase_recall >=": True,
        "transformers.js/wasm compliance >=": True,
        "transformers.js/wasm seed_recall >=": False,
        "transformers.js/wasm paraphrase_recall >=": True,
        "shipped model bytes <=": False,
        "tokenizer bytes <=": True,
    }
    assert all(remedy(gate) for gate in passed) and not remedy("ttft_ratio")
    assert judge({}) == []


def test_gates_on_what_people_type() -> None:
    tuned = {"other_words_recall": 0.49, "everyday_acceptable": 0.9, "typed_recall": 0.96}
    against = {"metric": "other_words_recall", "runtime": "tuned", "lookup": "nearest-neighbour"}
    against |= {"value": 0.49, "lookup_value": 0.9, "p_worse": 0.01}
    summary: dict[str, Any] = {"scores": {"tuned": tuned}, "against_lookups": [against]}
    summary["texts"] = {"other_words": 40, "everyday": 60, "typed": 40}
    passed = {result.gate: result.passed for result in judge(summary)}
    assert passed == {
        "tuned other_words_recall >=": False,
        "tuned everyday_acceptable >=": True,
        "tuned typed_recall >=": True,
        "tuned no worse than nearest-neighbour, other_words_recall (49.0% : 90.0%), p >=": False,
    }
    assert all(remedy(gate) for gate in passed)
    # Too few texts say nothing.
    summary["texts"] = {"other_words": 19, "everyday": 0, "typed": 3}
    assert judge(summary) == []


def test_the_browser_is_compared_on_the_texts_that_it_answered() -> None:
    tuned = {"n": 200, "compliance": 1.0, "everyday_acceptable": 0.9}
    wasm = {"n": 100, "compliance": 0.985, "everyday_acceptable": 0.8}
    same = {
        "tuned": {"compliance": 1.0, "everyday_acceptable": 0.86},
        "texts": {"compliance": 100, "everyday_acceptable": 30},
    }
    summary = {"scores": {"tuned": tuned, "transformers.js/wasm": wasm}, "same_texts": same, "texts": {"everyday": 60}}
    limits = {gate.gate: (gate.limit, gate.passed) for gate in judge(summary) if gate.gate.startswith("transformers")}
    assert limits == {
        "transformers.js/wasm compliance >=": (0.98, True),
        "transformers.js/wasm everyday_acceptable >=": (0.793333, True),  # two texts of thirty
    }
