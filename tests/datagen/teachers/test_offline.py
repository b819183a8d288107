from __future__ import annotations

from pathlib import Path

import pytest

from pocketmoji.cli import main
from pocketmoji.core.records import SPLITS, Example, Seed, read_jsonl
from pocketmoji.core.workspace import read_json
from pocketmoji.datagen.filters.filters import Dropped, Screen
from pocketmoji.datagen.filters.similarity import normalise_text
from pocketmoji.datagen.requests.teacher import Ask
from pocketmoji.datagen.seeds.reading import read_seeds
from pocketmoji.datagen.teachers.offline import OfflineTeacher, paraphrase

SEEDS = read_seeds(Path(__file__).resolve().parents[3] / "seeds/personal.csv").seeds


def test_enough_accepted_paraphrases_for_nearly_every_seed() -> None:
    """Accepted by all the filters, near-duplicates within a seed and across seeds among them."""
    dropped: list[Dropped] = []
    screen = Screen(SEEDS, dropped.append)
    enough = 0
    for number, seed in enumerate(SEEDS):
        enough += sum(screen.accept([(number, c) for c in paraphrase(seed.text, 100)])) >= 20
    assert enough >= 0.95 * len(SEEDS)
    assert not {row.reason for row in dropped} - {"near-duplicate of its seed", "near-duplicate within its seed"}


def test_the_same_every_time_and_another_random_seed_gives_others() -> None:
    first = [paraphrase(seed.text, 20, 0) for seed in SEEDS]
    assert first == [paraphrase(seed.text, 20, 0) for seed in SEEDS]
    assert first != [paraphrase(seed.text, 20, 1) for seed in SEEDS]


def test_origins_name_at_most_two_rules() -> None:
    for seed in SEEDS:
        for candidate in paraphrase(seed.text, 40):
            teacher, rules = candidate.origin.split(":")
            assert teacher == "offline" and 1 <= len(rules.split("+")) <= 2


def test_avoided_texts_are_not_said_again() -> None:
    first = [c.text for c in paraphrase("Lunch at the taco truck", 10)]
    second = [c.text for c in paraphrase("Lunch at the taco truck", 10, avoid=first)]
    assert len(second) == 10 and not set(map(normalise_text, first)) & set(map(normalise_text, second))


@pytest.mark.parametrize(
    "text", ["Cheers!", "?", "Hi", "What is for dinner?", "I", "日本語のテキスト", "a" * 600, "...", "5"]
)
def test_any_text_is_survived(text: str) -> None:
    assert all(candidate.text.strip() for candidate in paraphrase(text, 50))


def test_a_question_stays_a_question() -> None:
    made = [c for c in paraphrase("What should I make for dinner?", 40) if c.origin.startswith("offline:opener")]
    assert made and all(c.text.endswith("?") for c in made)


def test_rules_by_name() -> None:
    def by(text: str, rule: str) -> list[str]:
        return [c.text for c in paraphrase(text, 100) if c.origin == f"offline:{rule}"]

    assert by("The raccoon is back in the garage", "move") == ["In the garage, the raccoon is back"]
    assert by("The raccoon is back in the garage", "telegram") == ["raccoon back in garage"]
    assert by("Working from the sofa today", "synonym") == ["Working from the couch today"]
    assert by("I can't see you", "contraction") == ["I cannot see you"]
    assert by("See you tonight", "texting") == ["See u 2nite"]


GERMAN = "text,emoji\nGuten Morgen,☀️\nDie Katze schläft,🐈\nFeierabend,🍺\nIch hab dich lieb,❤️\nRegen im Zelt,⛺\n"


def test_a_list_in_german_gets_no_english_around_it_and_is_told_so_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds, out = tmp_path / "seeds.csv", tmp_path / "dataset"
    seeds.write_text(GERMAN, "utf-8")
    assert main(["datagen", str(seeds), "--dry-run"]) == 0
    assert "the list is in German, and the rules know English only" in capsys.readouterr().err
    assert main(["datagen", str(seeds), "--out", str(out)]) == 0
    told = capsys.readouterr().err
    assert told.index("the list is in German") < told.index("datagen: paraphrasing")
    assert read_json(out / "statistics.json")["languages"] == ["de"]
    rows = [row for split in SPLITS for row in read_jsonl(out / f"{split}.jsonl", Example) if row.origin != "seed"]
    rules = {rule for row in rows for rule in row.origin.removeprefix("offline:").split("+")}
    assert rows and rules <= {"typo", "unmarked", "stretched", "twice", "joined", "aside"}


def test_of_a_mixed_list_only_the_english_texts_are_framed() -> None:
    seeds = [Seed(seed_id=str(n), text=text, emoji="🎉", line=n) for n, text in enumerate(("Rain again", "Es regnet"))]
    teacher = OfflineTeacher(languages=("en", "de"))
    english, german = teacher.paraphrase([Ask(seed, 20) for seed in seeds], lambda n: None)
    assert any("opener" in row.origin for row in english)
    assert not any(word in row.origin for row in german for word in ("opener", "closer", "frame", "synonym"))


@pytest.mark.parametrize("text", ["猫がまた寝ている", "Доброе утро", "Καλημέρα", ":)", "404", "Ж", "é"])
def test_any_text_in_any_language_is_survived(text: str) -> None:
    made = paraphrase(text, 30, english=False)
    assert all(any(map(str.isalpha, candidate.text)) for candidate in made)
    assert made == paraphrase(text, 30, english=False)
