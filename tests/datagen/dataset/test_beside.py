"""What is trained beside the splits: typed forms and everyday language."""

from __future__ import annotations

from pathlib import Path

import pytest

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.records import EVERYDAY, TYPED, Example, read_jsonl
from pocketmoji.core.text.everyday import everyday_rows
from pocketmoji.datagen.filters.similarity import grams, jaccard
from pocketmoji.datagen.generate import generate

CONFIG = DatagenConfig(teacher="offline", paraphrases=2)


def made(folder: Path, lines: list[str], config: DatagenConfig = CONFIG) -> dict[str, list[Example]]:
    seeds = folder / "list.csv"
    seeds.write_text("\n".join(["text,emoji", *lines]) + "\n", "utf-8")
    generate(seeds, config, folder / "out")
    names = (TYPED, EVERYDAY, "train.jsonl", "heldout_paraphrases.jsonl", "heldout_seeds.jsonl")
    return {name: read_jsonl(folder / "out" / name, Example) for name in names}


def test_every_trained_phrase_is_trained_as_people_type_it(tmp_path: Path) -> None:
    found = made(tmp_path, [f'"Our {thing} night, again",🍕🌙' for thing in ("pizza", "quiz", "film", "chess")])
    typed = {row.text: row.emoji for row in found[TYPED]}
    assert typed["OUR PIZZA NIGHT, AGAIN"] == typed["#OurPizzaNightAgain"] == "🍕🌙"
    assert {row.seed_id for row in found[TYPED]} == {row.seed_id for row in found["train.jsonl"]}
    assert all(row.origin.startswith("typed:") for row in found[TYPED])


def test_phrases_that_differ_in_punctuation_alone_keep_their_answers(tmp_path: Path) -> None:
    found = made(tmp_path, ["Cheers!,🍻", "Cheers?,🍷", "Good dog,🐶", "Bad cat,🐶", "Old tree,🐶"])
    assert {row.emoji for row in found[TYPED]} == {"🐶"}


def test_no_phrase_is_clipped_to_words_of_another(tmp_path: Path) -> None:
    lines = ["Happy birthday to our mum,💐", "Happy birthday to our dad,👔", "Old tree,🌳", "Bad cat,🐱", "Good dog,🐶"]
    clipped = {row.text: row.emoji for row in made(tmp_path, lines)[TYPED] if row.origin == "typed:clipped"}
    assert clipped and set(clipped) <= {"Happy mum", "birthday mum", "Happy dad", "birthday dad"}
    assert all(clipped[text] == ("💐" if "mum" in text else "👔") for text in clipped)


def test_what_the_list_says_itself_is_no_everyday_language(tmp_path: Path) -> None:
    phrase = next(row for row in everyday_rows() if row.origin == "everyday" and len(row.text) > 20)
    found = made(tmp_path, [f'"{phrase.text}",🪿', *(f"The {n} bells of Bremen,🔔" for n in range(9))])
    left = {row.text for row in found[EVERYDAY]}
    assert len(left) > 5_000 and phrase.text not in left
    # The base has seen it: it is no phrase that was never trained.
    assert phrase.text not in {row.text for row in found["heldout_seeds.jsonl"]}
    held = [grams(row.text) for row in found["heldout_paraphrases.jsonl"]]
    assert not [text for text in left for gram in held if jaccard(grams(text), gram) >= 0.8]


@pytest.mark.parametrize(("everyday", "rows"), [(False, 0), (True, 9_000)])
def test_it_can_be_left_out(tmp_path: Path, everyday: bool, rows: int) -> None:
    phrases = ["Good dog,🐶", "Bad cat,🐱", "Old tree,🌳", "New bus,🚌"]
    found = made(tmp_path, phrases, CONFIG.model_copy(update={"everyday": everyday}))
    assert len(found[EVERYDAY]) >= rows and bool(found[EVERYDAY]) is everyday


def test_a_long_list_has_a_few_forms_of_each_phrase(tmp_path: Path) -> None:
    found = made(tmp_path, [f"Bell number {n} of Bremen rings,🔔" for n in range(230)])
    seeds = {row.seed_id for row in found["train.jsonl"]}
    assert len(seeds) < len(found[TYPED]) <= 4 * len(seeds)
    # A model is asked CAPITALS in small letters: they need not be among the few.
    assert {row.origin for row in found[TYPED]} >= {"typed:slip", "typed:around"}
    assert not {row.origin for row in found[TYPED]} & {"typed:capitals", "typed:title"}
