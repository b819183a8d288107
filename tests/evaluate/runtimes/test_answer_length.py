"""The longest answer of the list decides how many tokens an answer may have."""

from __future__ import annotations

from pathlib import Path

import pytest

from pocketmoji.core.config import EvaluateConfig
from pocketmoji.core.records import Example, write_jsonl
from pocketmoji.core.workspace import read_json
from pocketmoji.evaluate.runtimes.answer_length import answer_tokens, answers_of, with_limit
from pocketmoji.evaluate.runtimes.runtime_spec import RuntimeSpec
from pocketmoji.evaluate.runtimes.tokens import load_tokenizer
from pocketmoji.evaluate.stage import evaluate_runtimes
from pocketmoji.export.stage import answer_limit

LONG, SHORT = "👨‍👩‍👧‍👦🚗👨‍👩‍👧‍👦🏕️", "🎉"


def dataset(folder: Path, *answers: str) -> Path:
    """A dataset of as many phrases, the last answer only in a paraphrase that is held out."""
    rows = [Example(text=f"phrase {i}", emoji=one, seed_id=str(i), origin="seed") for i, one in enumerate(answers)]
    for split, kept in (("train", rows[:-1] or rows), ("validation", []), ("heldout_paraphrases", rows[-1:])):
        write_jsonl(folder / f"{split}.jsonl", kept)
    write_jsonl(folder / "heldout_seeds.jsonl", [])
    return folder


def tokens_of(answer: str, model: Path) -> int:
    return len(load_tokenizer(model).encode(answer, add_special_tokens=False).ids) + 1


def test_tokens_of_an_answer_count_the_stop_token(tiny_model: Path) -> None:
    found = answer_tokens([SHORT, LONG, SHORT], load_tokenizer(tiny_model))
    assert found == {SHORT: tokens_of(SHORT, tiny_model), LONG: tokens_of(LONG, tiny_model)}


def test_auto_fits_the_longest_answer_of_any_split(tiny_model: Path, tmp_path: Path) -> None:
    answers = answers_of(dataset(tmp_path, SHORT, LONG))
    longest = tokens_of(LONG, tiny_model)
    assert longest > 16
    assert with_limit(EvaluateConfig(), answers, [tiny_model]).max_new_tokens == longest
    assert with_limit(EvaluateConfig(), [SHORT], [tiny_model]).max_new_tokens == 16


def test_a_number_that_is_too_small_is_kept_and_told(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = EvaluateConfig(max_new_tokens=8)
    assert with_limit(config, [SHORT, LONG], [tiny_model]).limit == 8
    assert "--max-new-tokens 8 cuts off 1 of 2 answers" in capsys.readouterr().err
    with_limit(config, [SHORT], [tiny_model])
    assert "cuts off" not in capsys.readouterr().err


def test_the_evaluation_says_it_and_the_export_takes_it_over(tiny_model: Path, tmp_path: Path) -> None:
    rows, out = dataset(tmp_path / "dataset", SHORT, LONG), tmp_path / "evaluation"
    evaluate_runtimes([RuntimeSpec("tuned", "torch", str(tiny_model))], rows, EvaluateConfig(), out)
    longest = tokens_of(LONG, tiny_model)
    assert read_json(out / "evaluation.json")["settings"]["max_new_tokens"] == longest
    assert answer_limit(EvaluateConfig(), out, tiny_model) == longest
    assert answer_limit(EvaluateConfig(max_new_tokens=40), out, tiny_model) == 40
