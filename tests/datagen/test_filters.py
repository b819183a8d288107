"""Near-duplicates, drift, language, leaks: each against truth that is planted or computed in another way."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pocketmoji.core.records import SPLITS, Example, Seed, write_jsonl
from pocketmoji.datagen.dataset.leaks import measure_leaks, shared_seeds
from pocketmoji.datagen.filters.drift import SeedIndex
from pocketmoji.datagen.filters.filters import Dropped, Screen
from pocketmoji.datagen.filters.language import LanguageFilter
from pocketmoji.datagen.filters.similarity import NearIndex, grams, jaccard, normalise_text
from pocketmoji.datagen.requests.teacher import Candidate

WORDS = [
    "river",
    "stone",
    "candle",
    "pepper",
    "window",
    "garden",
    "rocket",
    "button",
    "kitten",
    "marble",
    "copper",
    "basket",
    "island",
    "dragon",
    "pencil",
    "winter",
    "mirror",
    "thunder",
    "velvet",
    "cactus",
    "harbor",
    "lantern",
    "meadow",
    "orchid",
    "puzzle",
    "saddle",
    "tunnel",
    "violin",
    "walnut",
    "zipper",
]


def variations(count: int, rng: random.Random) -> list[str]:
    """Texts of which many are alike: each is a new one, or an older one with a word or a letter changed."""
    texts: list[str] = []
    for _ in range(count):
        if not texts or rng.random() < 0.4:
            texts.append(" ".join(rng.choices(WORDS, k=rng.randint(4, 12))))
            continue
        text = rng.choice(texts)
        at = rng.randrange(len(text))
        changed = text[:at] + rng.choice("aeiou") + text[at + 1 :]
        texts.append(rng.choice([changed, f"{text} {rng.choice(WORDS)}", text.upper(), text + "!"]))
    return texts


def test_the_index_finds_what_comparing_every_pair_finds() -> None:
    texts = variations(600, random.Random(1))
    index = NearIndex(texts)
    sets = [grams(text) for text in texts]
    planted = found = 0
    for number, text in enumerate(texts):
        truth = [other for other in range(len(texts)) if jaccard(sets[number], sets[other]) >= 0.8]
        near = index.near(text)
        assert set(near) <= set(truth) and number in near
        planted, found = planted + len(truth), found + len(near)
    assert planted > 1500 and found >= 0.999 * planted


def test_a_batch_finds_what_was_added_in_it_and_the_table_grows() -> None:
    texts = variations(3000, random.Random(2))
    index = NearIndex()
    with index.batch(texts) as rows:
        for row in range(len(texts)):
            before = rows.near(row)
            assert row not in before
            rows.add(row)
            assert row in rows.near(row)
    assert len(index) == 3000 and all(n in index.near(texts[n]) for n in range(0, 3000, 50))
    assert index.text(17) == texts[17]


@pytest.mark.parametrize("text", ["", "a", "ab!", "日本", "🎉", "ß", "\U00010400\U00010401 x"])
def test_short_and_odd_texts_are_found_again(text: str) -> None:
    index = NearIndex(["something else entirely", text, "and more"])
    assert 1 in index.near(text)


def seeds(*texts: str) -> list[Seed]:
    return [Seed(seed_id=str(n), text=text, emoji=chr(0x1F600 + n), line=n + 2) for n, text in enumerate(texts)]


LIST = seeds(
    "The raccoon is back in the garage",
    "The penguin won the cup",
    "Coffee with grandma",
    "Coffee with Dave",
    "Send the llama to accounting",
    "Quiet evening by the lake",
)


def test_a_text_that_is_nearer_to_another_seed_is_dropped_with_that_seed() -> None:
    index = SeedIndex(LIST)
    verdict = index.judge(LIST[2], "that penguin won a cup")
    assert verdict and verdict[0] == "drifted" and verdict[1] is LIST[1]
    assert index.judge(LIST[1], "that penguin won a cup") is None
    assert index.judge(LIST[0], "our furry burglar returned to the car shed") is None
    ambiguous = index.judge(LIST[2], "coffee with grandma and Dave")
    assert ambiguous and ambiguous[0] == "ambiguous" and ambiguous[1] is LIST[3]


def test_every_candidate_is_kept_or_dropped_with_the_row_it_collided_with() -> None:
    dropped: list[Dropped] = []
    screen = Screen(LIST, dropped.append)
    offered = [
        (0, "Guess who sits in the garage again: the raccoon"),
        (0, "Guess who sits in the garage again: the racoon"),
        (1, "guess who sits in the garage again - the raccoon!"),
        (1, "The penguin won the cup."),
        (4, "The penguin won the cupp"),
        (5, "that penguin won a cup"),
        (5, "Das ist aber ein wirklich schöner Abend für uns alle"),
        (5, "тихий вечер у озера"),
        (5, "x"),
    ]
    kept = screen.accept([(n, Candidate(text, "test")) for n, text in offered])
    assert kept == [True] + [False] * 8 and screen.received == 9 == 1 + len(dropped)
    found = [(row.reason, row.other_text, row.other_seed) for row in dropped]
    first, penguin = offered[0][1], LIST[1].text
    assert found == [
        ("near-duplicate within its seed", first, "0"),
        ("said of another seed", first, "0"),
        ("same as its seed", penguin, "1"),
        ("near-duplicate of another seed", penguin, "1"),
        ("nearer to another seed", penguin, "1"),
        ("in another language (de)", None, None),
        ("in another language (Cyrillic)", None, None),
        ("too short", None, None),
    ]


@pytest.mark.parametrize(
    ("asked", "text", "other"),
    [
        ("auto", "we r so ready 4 the party 2nite fam lol", None),
        ("auto", "El gato duerme otra vez en la cama de mi abuela", "es"),
        ("German", "Die Katze schläft schon wieder in meinem Bett", None),
        ("German", "The cat is sleeping in my bed again", "en"),
        ("German", "猫がまたベッドで寝ている", "Cjk"),
        ("Japanese", "猫がまたベッドで寝ている", None),
    ],
)
def test_languages(asked: str, text: str, other: str | None) -> None:
    found = LanguageFilter([seed.text for seed in LIST], asked).other(LIST[0].text, text)
    assert found == other


def test_leaks_are_what_comparing_every_pair_says(tmp_path: Path) -> None:
    rng = random.Random(3)
    texts = variations(400, rng)
    rows = {split: rng.sample(texts, 90) for split in SPLITS}
    for split, chosen in rows.items():
        write_jsonl(
            tmp_path / f"{split}.jsonl", [Example(text=t, emoji="🎉", seed_id=t[:3], origin="x") for t in chosen]
        )
    for pair, leak in measure_leaks(tmp_path).items():
        first, second = (rows[split] for split in pair.split(" / "))
        firsts = [grams(text) for text in first]
        keys = {normalise_text(text) for text in first}
        truth = {
            "exact": sum(text in first for text in second),
            "normalised": sum(normalise_text(text) in keys for text in second),
            "near": sum(any(jaccard(grams(text), other) >= 0.8 for other in firsts) for text in second),
        }
        assert {measure: leak[measure] for measure in truth} == truth and truth["near"] > truth["exact"] > 0
        assert abs(leak["minhash"] - truth["near"]) <= 5
    others = {text[:3] for split in SPLITS[:3] for text in rows[split]}
    assert shared_seeds(tmp_path) == len(others & {text[:3] for text in rows["heldout_seeds"]}) > 0
