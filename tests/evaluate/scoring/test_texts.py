"""Which texts are evaluated, and that a sample is fair and repeatable."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pocketmoji.core.config import EvaluateConfig
from pocketmoji.core.errors import InputError
from pocketmoji.core.records import EvaluationText, Example, write_jsonl
from pocketmoji.evaluate.groups.everyday import everyday_phrases
from pocketmoji.evaluate.scoring.texts import evaluation_texts, overlaps

WITHOUT = EvaluateConfig(everyday=False)


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
    texts = evaluation_texts(make_dataset(tmp_path), EvaluateConfig(max_texts=10_000))
    everyday = len(everyday_phrases())
    assert everyday >= 150
    assert groups(texts) == {"seed": 60, "paraphrase": 60, "typed": 240, "heldout_seed": 6, "everyday": everyday}
    assert {text.group for text in texts[:5]} == set(groups(texts)) and texts[0].group == "seed"
    half = groups(texts[: len(texts) // 2])
    assert all(abs(2 * half[group] - count) <= 3 for group, count in groups(texts).items())


def test_a_sample_gives_each_group_its_share_and_what_a_small_one_leaves(tmp_path: Path) -> None:
    config = EvaluateConfig(max_texts=102)
    texts = evaluation_texts(make_dataset(tmp_path), config)
    # Weights 3, 2, 2, 1, 1: a share is 12, of which the untrained seeds use 6.
    assert groups(texts) == {"everyday": 36, "typed": 24, "seed": 24, "paraphrase": 12, "heldout_seed": 6}
    assert Counter(text.form for text in texts if text.form) == dict.fromkeys(
        ["capitals", "title case", "hashtag", "typo"], 6
    )
    of = lambda group: {text.seed_id for text in texts if text.group == group}
    assert of("paraphrase") < of("seed") and len(of("typed")) == 24
    assert texts == evaluation_texts(tmp_path, config)
    assert texts != evaluation_texts(tmp_path, config.model_copy(update={"random_seed": 1}))


def test_a_seed_has_its_second_text_after_every_seeds_first(tmp_path: Path) -> None:
    make_dataset(tmp_path, held_back=3)
    texts = evaluation_texts(tmp_path, EvaluateConfig(max_texts=450, everyday=False))
    counts = Counter(text.seed_id for text in texts if text.group == "paraphrase")
    assert len(counts) == 60 and max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 100])
def test_never_more_than_the_limit(tmp_path: Path, limit: int) -> None:
    texts = evaluation_texts(make_dataset(tmp_path, held_back=3), EvaluateConfig(max_texts=limit))
    assert len(texts) == limit
    if limit >= 10:
        assert groups(texts)["heldout_seed"] >= 1


def test_other_words_share_little_with_what_was_trained_of_the_seed(tmp_path: Path) -> None:
    make_dataset(tmp_path, trained=3)
    say = lambda text, seed: Example(text=text, emoji="🎉", seed_id=seed, origin="recorded")
    held = [
        say("S0 ITSELF, or so", "s0"),
        say("a wholly new wording", "s1"),
        say("s2 and seven words nobody had ever said", "s2"),
    ]
    write_jsonl(tmp_path / "heldout_paraphrases.jsonl", held)
    texts = evaluation_texts(tmp_path, WITHOUT)
    found = {text.text: (text.group, text.overlap) for text in texts if text.overlap is not None}
    assert found == {
        "S0 ITSELF, or so": ("paraphrase", 1.0),
        "a wholly new wording": ("other_words", 0.0),
        # One of "s2", "seven", "words", "nobody", "ever", "said" and of "s2", "itself".
        "s2 and seven words nobody had ever said": ("other_words", 0.1429),
    }
    assert overlaps(texts) == {"limit": 0.25, "mean": 0.0714, "largest": 0.1429}
    assert overlaps(texts[:1]) is None


def test_what_was_not_taught_is_not_asked_as_if_it_had_been(tmp_path: Path) -> None:
    """Of a list without paraphrases only the phrases are trained, and how people type them."""
    make_dataset(tmp_path, trained=2)
    rows = [(f"s{i}", origin) for i in range(2) for origin in ("seed", "typed:capitals")]
    train = [Example(text=f"{s} {o}", emoji="🎉", seed_id=s, origin=o) for s, o in rows]
    train.append(Example(text="s1 in words", emoji="🎉", seed_id="s1", origin="offline:rule"))
    write_jsonl(tmp_path / "train.jsonl", train)
    texts = evaluation_texts(tmp_path, WITHOUT)
    assert {t.seed_id: t.group for t in texts if t.overlap is not None} == {"s0": "untaught", "s1": "paraphrase"}


def test_a_users_own_phrase_is_no_everyday_phrase(tmp_path: Path) -> None:
    make_dataset(tmp_path)
    phrase = everyday_phrases()[0][0]
    own = Example(text=phrase.upper() + "!", emoji="🎉", seed_id="own", origin="seed")
    write_jsonl(tmp_path / "train.jsonl", [own])
    texts = evaluation_texts(tmp_path, EvaluateConfig(max_texts=10_000))
    asked = [text.text for text in texts if text.group == "everyday"]
    assert phrase.lower() not in map(str.lower, asked) and len(asked) == len(everyday_phrases()) - 1
    # The file is in small letters; phones begin with a capital one.
    assert 0.4 < sum(text[:1].isupper() for text in asked) / len(asked) < 0.65
    assert not any(text.group == "everyday" for text in evaluation_texts(tmp_path, WITHOUT))


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
