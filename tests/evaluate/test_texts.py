"""Which texts are evaluated, and that a sample is fair and repeatable."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pocketmoji.core.config import EvaluateConfig
from pocketmoji.core.errors import InputError
from pocketmoji.core.records import EvaluationText, Example, write_jsonl
from pocketmoji.evaluate.scoring.texts import evaluation_texts


def make_dataset(folder: Path, trained: int = 60, untrained: int = 6, held_back: int = 1) -> Path:
    def row(text: str, seed: str, origin: str = "offline:rule") -> Example:
        return Example(text=text, emoji="🎉", seed_id=seed, origin=origin)

    seeds = [f"s{i}" for i in range(trained)]
    others = [f"u{i}" for i in range(untrained)]
    train = [row(f"{s} itself", s, "seed") for s in seeds] + [row(f"{s} again", s) for s in seeds]
    write_jsonl(folder / "train.jsonl", train)
    write_jsonl(folder / "validation.jsonl", [])
    kept = [row(f"{s} other {k}", s) for s in seeds for k in range(held_back)]
    write_jsonl(folder / "heldout_paraphrases.jsonl", kept)
    write_jsonl(folder / "heldout_seeds.jsonl", [row(f"{s} itself", s, "seed") for s in others])
    return folder


def groups(texts: list[EvaluationText]) -> Counter[str]:
    return Counter(text.group for text in texts)


def test_all_texts_below_the_limit(tmp_path: Path) -> None:
    texts = evaluation_texts(make_dataset(tmp_path), EvaluateConfig(max_texts=150))
    assert groups(texts) == {"seed": 60, "paraphrase": 60, "heldout_seed": 6}
    assert {text.group for text in texts[:3]} == {"seed", "paraphrase", "heldout_seed"}
    assert groups(texts[:63]) == {"seed": 30, "paraphrase": 30, "heldout_seed": 3}


def test_a_sample_keeps_seeds_whole_and_groups_in_proportion(tmp_path: Path) -> None:
    config = EvaluateConfig(max_texts=63)
    texts = evaluation_texts(make_dataset(tmp_path), config)
    assert groups(texts) == {"seed": 30, "paraphrase": 30, "heldout_seed": 3}
    of = lambda group: {text.seed_id for text in texts if text.group == group}
    assert of("seed") == of("paraphrase")
    assert {text.group for text in texts[:3]} == {"seed", "paraphrase", "heldout_seed"}
    assert texts == evaluation_texts(tmp_path, config)
    assert texts != evaluation_texts(tmp_path, config.model_copy(update={"random_seed": 1}))


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 100])
def test_never_more_than_the_limit(tmp_path: Path, limit: int) -> None:
    texts = evaluation_texts(make_dataset(tmp_path, held_back=3), EvaluateConfig(max_texts=limit))
    assert 1 <= len(texts) <= limit
    if limit >= 10:
        assert groups(texts)["heldout_seed"] >= 1


def test_line_separators_in_a_text_are_no_new_line(tmp_path: Path) -> None:
    make_dataset(tmp_path, trained=1, untrained=0)
    odd = Example(text="a\u2028b\u0085c", emoji="🎉", seed_id="x", origin="seed")
    write_jsonl(tmp_path / "heldout_seeds.jsonl", [odd])
    assert "a\u2028b\u0085c" in [text.text for text in evaluation_texts(tmp_path, EvaluateConfig())]


def test_a_missing_and_a_broken_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train\.jsonl is missing"):
        evaluation_texts(tmp_path, EvaluateConfig())
    make_dataset(tmp_path)
    (tmp_path / "heldout_seeds.jsonl").write_text(
        '{"text": "a", "emoji": "🎉", "seed_id": "x", "origin": "y"}\n{"a": 1}\n'
    )
    with pytest.raises(InputError, match=r"heldout_seeds\.jsonl, line 2"):
        evaluation_texts(tmp_path, EvaluateConfig())
