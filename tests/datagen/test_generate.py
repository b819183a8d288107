from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from pathlib import Path

import pytest

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.errors import InputError, TeacherError
from pocketmoji.core.records import SPLITS, Example, RejectedRow, Seed, read_jsonl
from pocketmoji.datagen.executors.journal import Journal
from pocketmoji.datagen.filters.filters import Dropped
from pocketmoji.datagen.filters.similarity import grams, jaccard, normalise_text
from pocketmoji.datagen.generate import choose_teacher, generate
from pocketmoji.datagen.requests.teacher import Ask, Candidate

ROOT = Path(__file__).resolve().parents[2]
PERSONAL = ROOT / "seeds/personal.csv"
OFFLINE = DatagenConfig(teacher="offline")
FILES = {f"{name}.jsonl" for name in (*SPLITS, "seeds", "rejected", "dropped", "typed", "everyday")} | {
    "README.md",
    "statistics.json",
}
FILES |= {"parquet", "plots"}


def splits_of(folder: Path) -> dict[str, list[Example]]:
    return {split: read_jsonl(folder / f"{split}.jsonl", Example) for split in SPLITS}


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def quirky(folder: Path, rows: int = 160) -> Path:
    """A list with near-duplicate texts, texts alike but for punctuation, long ones, and a few bad rows."""
    things = ["pizza", "soup", "rain", "cake", "train", "moon", "goose", "llama", "tea", "jazz"]
    lines = ["text,emoji"]
    for n in range(rows):
        thing = things[n % 10]
        text = [
            f"The {thing} club number {n} meets again at the old harbor before the sun comes up tonight",
            f"{thing.capitalize()} day {n}",
            f"I really need a {thing} number {n} right now",
            f"What about {thing} {n}?",
        ][n % 4]
        lines.append(f'"{text}",{"🍕🍲🌧🎂🚆🌙🪿🦙🍵🎷"[n % 10]}')
    lines += ["Family,👪\u200d👦", "Cheers!,🍻", "Cheers,🥂", "Cheers?,🍷"]
    path = folder / "quirky.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def assert_no_leaks(splits: dict[str, list[Example]]) -> None:
    """Brute force, on purpose not the index that made the splits."""
    sets = {split: [(grams(row.text), normalise_text(row.text)) for row in rows] for split, rows in splits.items()}
    for a, b in combinations(SPLITS, 2):
        for first, key in sets[a]:
            for second, other in sets[b]:
                assert key != other and jaccard(first, second) < 0.8


@pytest.fixture(scope="module")
def personal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("personal")
    generate(PERSONAL, OFFLINE, folder)
    return folder


def test_everything_is_written_and_adds_up(personal: Path) -> None:
    assert {path.name for path in personal.iterdir()} == FILES
    statistics = json.loads((personal / "statistics.json").read_text("utf-8"))
    splits = splits_of(personal)
    dropped = read_jsonl(personal / "dropped.jsonl", Dropped)
    kept = sum(row.origin != "seed" for rows in splits.values() for row in rows)
    assert statistics["splits"] == {split: len(rows) for split, rows in splits.items()}
    assert statistics["candidates_received"] == kept + len(dropped) == kept + statistics["candidates_dropped"]
    assert statistics["share_of_rules"] == 1
    assert all(v["near"] == v["exact"] == v["normalised"] == 0 for v in statistics["leaks"].values())


def test_splits_are_by_seed(personal: Path) -> None:
    splits = splits_of(personal)
    seeds = {seed.seed_id: seed for seed in read_jsonl(personal / "seeds.jsonl", Seed)}
    ids = {split: {row.seed_id for row in rows} for split, rows in splits.items()}
    assert len(ids["heldout_seeds"]) == 7 and ids["heldout_seeds"] | ids["train"] == set(seeds)
    assert not ids["heldout_seeds"] & (ids["train"] | ids["validation"] | ids["heldout_paraphrases"])
    assert ids["heldout_paraphrases"] == ids["train"] and len(splits["heldout_paraphrases"]) == len(ids["train"])
    assert len(splits["validation"]) == -(-len(ids["train"]) // 4)
    for split in ("train", "heldout_seeds"):
        own = {row.text for row in splits[split] if row.origin == "seed"}
        assert own == {seeds[i].text for i in ids[split]}
    assert all(row.emoji == seeds[row.seed_id].emoji for rows in splits.values() for row in rows)
    for seed in ids["train"]:
        parts = ("train", "validation", "heldout_paraphrases")
        assert sum(row.seed_id == seed and row.origin != "seed" for part in parts for row in splits[part]) == 8


def test_no_leaks_in_the_shipped_seeds(personal: Path) -> None:
    assert_no_leaks(splits_of(personal))


def test_a_second_run_gives_the_same_bytes(personal: Path, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("left over from an interrupted run", "utf-8")
    generate(PERSONAL, OFFLINE, tmp_path)
    assert bytes_of(tmp_path) == bytes_of(personal)


def test_the_order_of_the_rows_does_not_move_seeds_between_splits(personal: Path, tmp_path: Path) -> None:
    header, *rows = PERSONAL.read_text("utf-8").splitlines()
    path = tmp_path / "personal.csv"
    path.write_text("\n".join([header, *reversed(rows)]) + "\n", "utf-8")
    generate(path, OFFLINE, tmp_path / "out")
    for split, kept in splits_of(personal).items():
        assert {row.seed_id for row in splits_of(tmp_path / "out")[split]} == {row.seed_id for row in kept}


def test_a_quirky_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = DatagenConfig(teacher="offline", paraphrases=3)
    generate(quirky(tmp_path), config, tmp_path / "out")
    splits = splits_of(tmp_path / "out")
    assert_no_leaks(splits)
    texts = [normalise_text(row.text) for rows in splits.values() for row in rows if row.origin != "seed"]
    assert len(set(texts)) == len(texts)
    rejected = read_jsonl(tmp_path / "out" / "rejected.jsonl", RejectedRow)
    assert [row.line for row in rejected] == [162]
    assert "line 162 set aside" in capsys.readouterr().err
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "| 162 | Family |" in card and "hand-written rules" in card and str(tmp_path) not in card


def test_small_lists_and_odd_settings(tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text(
        "text,emoji\n" + "".join(f"{t} time,{e}\n" for t, e in zip("ABCD", "🍎🐝🥕🦆", strict=True)), "utf-8"
    )
    generate(path, OFFLINE, tmp_path / "few")
    assert not splits_of(tmp_path / "few")["heldout_seeds"]
    bare = DatagenConfig(teacher="offline", paraphrases=1, heldout_paraphrases=1, heldout_seeds=0)
    generate(PERSONAL, bare, tmp_path / "bare")
    splits = splits_of(tmp_path / "bare")
    assert {row.origin for row in splits["train"]} == {"seed"} and not splits["validation"]
    with pytest.raises(InputError, match="heldout_paraphrases is 3"):
        generate(PERSONAL, DatagenConfig(paraphrases=2, heldout_paraphrases=3), tmp_path / "odd")


def test_which_teacher_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal(tmp_path / "journal")
    assert choose_teacher(DatagenConfig(), journal, {}).name == "offline"
    assert "no GEMINI_API_KEY or GOOGLE_API_KEY is set" in capsys.readouterr().err
    assert choose_teacher(DatagenConfig(), journal, {"GOOGLE_API_KEY": "k"}).name == "gemini:gemini-flash-lite-latest"
    assert choose_teacher(OFFLINE, journal, {"GEMINI_API_KEY": "k"}).name == "offline"
    with pytest.raises(TeacherError, match="no key"):
        choose_teacher(DatagenConfig(teacher="gemini"), journal, {})


class Scripted:
    """A teacher that says what it is told, and nothing when asked again."""

    name = "scripted"
    exhausted = ""

    def __init__(self, replies: Callable[[Seed], list[str]]) -> None:
        self.replies = replies
        self.asked: list[Ask] = []

    def paraphrase(self, asks: Sequence[Ask], done: Callable[[int], None]) -> Iterator[list[Candidate]]:
        self.asked += asks
        for ask in asks:
            yield [] if ask.avoid else [Candidate(t, self.name) for t in self.replies(ask.seed)]


def test_every_dropped_candidate_has_its_reason(tmp_path: Path) -> None:
    def replies(seed: Seed) -> list[str]:
        good = f"Someone said {seed.text} once"
        return [
            "  ",
            f"{seed.text} 🎉",
            seed.text.upper(),
            good,
            f"{good}!",
            "Winter is coming.",
            "x" * 200,
            "Same for all",
        ]

    teacher = Scripted(replies)
    generate(PERSONAL, OFFLINE, tmp_path, teacher)
    dropped = read_jsonl(tmp_path / "dropped.jsonl", Dropped)
    count = {reason: sum(row.reason == reason for row in dropped) for reason in {row.reason for row in dropped}}
    assert count["empty"] == count["has an emoji"] == count["too long"] == count["said twice"] == 72
    assert (
        count["same as its seed"] == 73 and count["same as another seed"] == 71 and count["said of another seed"] == 71
    )
    statistics = json.loads((tmp_path / "statistics.json").read_text("utf-8"))
    assert statistics["candidates_received"] == 8 * 72 == statistics["candidates_kept"] + len(dropped)
    assert all(bool(row.other_seed) == row.reason.startswith(("same", "said")) for row in dropped)
    # Asked twice more, with what was heard before; nothing came, so every trained seed fell short.
    assert len(teacher.asked) == 3 * 72 and "Same for all" in teacher.asked[-1].avoid
    assert len(statistics["seeds_short"]) == 72 and "## Seeds that fell short" in (tmp_path / "README.md").read_text(
        "utf-8"
    )


def test_a_teacher_that_says_nothing(tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match="no paraphrase at all"):
        generate(PERSONAL, OFFLINE, tmp_path / "out", Scripted(lambda seed: []))
    assert not (tmp_path / "out").exists()


def test_beside_a_running_event_loop(tmp_path: Path) -> None:
    """A notebook has one; so has a process in which Playwright is open."""

    async def cell() -> None:
        generate(PERSONAL, OFFLINE, tmp_path / "notebook")

    with ThreadPoolExecutor() as thread:  # this process may have a loop of its own already
        thread.submit(asyncio.run, cell()).result()
    generate(PERSONAL, OFFLINE, tmp_path / "script")
    assert bytes_of(tmp_path / "notebook") == bytes_of(tmp_path / "script")
