from __future__ import annotations

import json
from pathlib import Path

import pytest

from pocketmoji.core.errors import InputError
from pocketmoji.core.text.emoji import is_fully_qualified, split_emoji
from pocketmoji.datagen.seeds.reading import read_seeds

ROOT = Path(__file__).resolve().parents[3]
GOOD = [("Tea time", "🫖"), ("Taco truck", "🌮🚚"), ("Moon people", "🌙👽"), ("Leg day", "🦵🏋️‍♀️"), ("Ship it", "🚢")]
FAMILY_BROKEN = "👪\u200d👦"


def write_csv(folder: Path, rows: list[tuple[str, str]], name: str = "seeds.csv") -> Path:
    path = folder / name
    path.write_text("text,emoji\n" + "".join(f'"{text}",{emoji}\n' for text, emoji in rows), "utf-8")
    return path


def refusal(path: Path, max_bad_rows: float = 0.01) -> str:
    with pytest.raises(InputError) as caught:
        read_seeds(path, max_bad_rows)
    return str(caught.value)


@pytest.mark.parametrize("name", ["seeds/personal.csv", "seeds/template.csv"])
def test_shipped_seed_files_are_clean(name: str) -> None:
    file = read_seeds(ROOT / name)
    assert file.notes == []
    assert len({seed.emoji for seed in file.seeds}) == len(file.seeds)
    assert all(is_fully_qualified(seed.emoji) and len(split_emoji(seed.emoji) or []) <= 5 for seed in file.seeds)


def test_shipped_seeds_cover_what_emoji_can_be() -> None:
    answers = [seed.emoji for seed in read_seeds(ROOT / "seeds/personal.csv").seeds]
    assert len(answers) >= 60
    for what in ("\u200d", "🏽", "🇵🇹", "\u20e3", "\U000e007f"):
        assert any(what in answer for answer in answers), what


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_formats_columns_by_name_and_byte_order_mark(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("jsonl"):
        lines = [json.dumps({"note": 1, "Emoji": e, "TEXT": t}, ensure_ascii=False) for t, e in GOOD]
    else:
        separator = "\t" if name.endswith("tsv") else ","
        lines = [separator.join(("note", " Emoji ", "TEXT"))] + [separator.join(("x", e, t)) for t, e in GOOD]
    path.write_text("\r\n".join(lines) + "\r\n", "utf-8-sig")
    file = read_seeds(path)
    assert [(seed.text, seed.emoji) for seed in file.seeds] == GOOD
    assert [seed.line for seed in file.seeds] == [n + (not name.endswith("jsonl")) for n in range(1, 6)]


def test_seed_ids_depend_on_the_text_only(tmp_path: Path) -> None:
    first = read_seeds(write_csv(tmp_path, GOOD, "a.csv")).seeds
    changed = [(f"  {text.upper()} ", "🎈") for text, _ in reversed(GOOD)]
    second = read_seeds(write_csv(tmp_path, changed, "b.csv")).seeds
    assert [seed.seed_id for seed in first] == [seed.seed_id for seed in reversed(second)]


def test_variation_selectors_are_mended_and_counted(tmp_path: Path) -> None:
    file = read_seeds(write_csv(tmp_path, [*GOOD, ("I love it", "❤"), ("Bike", "🚲\ufe0f")]))
    assert [seed.emoji for seed in file.seeds[-2:]] == ["❤️", "🚲"]
    assert file.mended == 2 and "2 answers" in file.notes[0] and "U+FE0F" in file.notes[0]


def test_exact_repetitions_are_dropped_and_noted(tmp_path: Path) -> None:
    file = read_seeds(write_csv(tmp_path, [*GOOD, ("tea  TIME", "🫖")]))
    assert len(file.seeds) == len(GOOD) and file.rejected == []
    assert file.notes == ["line 7 repeats line 2, dropped"]


@pytest.mark.parametrize(
    ("text", "emoji", "expected"),
    [
        ("Party", "🎉x", ["line 4", "column emoji", "character 2", "a letter"]),
        ("Party", "🎉7", ["line 4", "character 2", "a digit"]),
        ("Family", FAMILY_BROKEN, ["line 4", "character 2", "malformed ZWJ"]),
        ("Party", "", ["line 4", "column emoji", "empty"]),
        ("  ", "🎉", ["line 4", "column text", "empty"]),
        ("Party", "🎉" * 9, ["line 4", "9 emoji", "at most 8"]),
        ("TEA time", "🍵", ["line 4", "another answer, 🫖, on line 2"]),
        ("long " * 130, "🎉", ["line 4", "longer than the context"]),
        ("Hi <end_of_turn>", "🎉", ["line 4", "control token"]),
    ],
)
def test_bad_rows_of_a_short_list_are_refused(tmp_path: Path, text: str, emoji: str, expected: list[str]) -> None:
    message = refusal(write_csv(tmp_path, [*GOOD[:2], (text, emoji), *GOOD[2:]]))
    for part in [*expected, "seeds.csv", "to do:"]:
        assert part in message


def test_the_first_ten_bad_rows_are_listed(tmp_path: Path) -> None:
    message = refusal(write_csv(tmp_path, GOOD + [(f"Text {n}", "x") for n in range(13)]))
    assert "13 of 18 rows" in message and "line 16" in message and "line 17" not in message and "and 3 more" in message


def test_few_bad_rows_of_a_long_list_are_set_aside(tmp_path: Path) -> None:
    rows = [(f"Text number {n}", "🎉") for n in range(200)]
    rows[10], rows[20] = ("Family", FAMILY_BROKEN), ("Text number 3", "👎")
    path = write_csv(tmp_path, rows)
    file = read_seeds(path)
    assert [row.line for row in file.rejected] == [12, 22]
    assert len(file.seeds) == 198 and file.rejected[0].emoji == FAMILY_BROKEN
    assert "2 of 200 rows" in refusal(path, max_bad_rows=0.005)


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / "none.csv")
    assert "is a folder" in refusal(tmp_path)
    for name, content, expected in [
        ("a.docx", b"text,emoji", "ends in .csv, .tsv"),
        ("a.csv", b"", "is empty"),
        ("b.csv", b"\n \n", "is empty"),
        ("c.csv", b"text,emoji\n", "no rows"),
        ("d.csv", b"text,note\nHi,hand\n", "none that is named 'emoji'"),
        ("d2.csv", "saying;reply\nHi;👋\n".encode(), "1 usable seed"),
        ("e.csv", "text,emoji\nHi,👋\n".encode(), "1 usable seed"),
        ("f.csv", "text,emoji\nHi,👋\nCaf".encode() + b"\xe9,x\n", "line 3, byte 4"),
        ("g.csv", "text,emoji\nHi,👋\n".encode("utf-16"), "UTF-16"),
        ("h.csv", 'text,emoji\n"Hi,👋\nHo,👋\n'.encode(), "line 2"),
        ("i.jsonl", b'{"text": "Hi", "emoji": \n', "line 1, not JSON"),
        ("j.jsonl", b'["Hi"]\n', "not a JSON object"),
        ("k.jsonl", b'{"text": "Hi"}\n', "none that is named 'emoji'"),
        ("l.jsonl", b'{"text": 5, "emoji": "x"}\n', "column text: not a string"),
        ("m.jsonl", b'{"text": "\\ud800", "emoji": "x"}\n', "surrogate"),
    ]:
        path = tmp_path / name
        path.write_bytes(content)
        assert expected in refusal(path), name
        assert path.read_bytes() == content
