"""The summary, the failures, the rows per seed, the files, and the gates."""

from __future__ import annotations

from pathlib import Path

import pytest

from pocketmoji.core.errors import InputError
from pocketmoji.core.records import EvaluationText, Prediction, Scores, read_jsonl
from pocketmoji.evaluate.scoring.answering import evaluate_runtime
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
    assert scores.brief() == {
        "n": 5,
        "compliance": 0.8,
        "seed_recall": 1.0,
        "paraphrase_recall": 0.0,
        "parity": None,
    }
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
