"""What a list recalls, and where it stands among a model's answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from pocketmoji.core.errors import InputError
from pocketmoji.core.text.memory import FIRST, MEMORY_FILE, SECOND, Memory, Recalled, merge, read_memory, write_memory

ROWS = [("what a fun party", "🎉🥳"), ("my cat is asleep", "🐈💤"), ("the coffee is cold", "☕🥶")]
MODEL = ["😀", "🎈", "🎂"]


def recalled(similarity: float, emoji: str = "🎉🥳") -> Recalled:
    return Recalled("what a fun party", emoji, similarity)


def test_the_nearest_phrase_is_recalled() -> None:
    memory = Memory(ROWS)
    same = memory.recall("What a FUN  party")
    assert same == Recalled("what a fun party", "🎉🥳", 1.0)
    near, far = memory.recall("my cats are asleep"), memory.recall("the cat of the neighbours is awake")
    assert near and far and near.text == "my cat is asleep" and 1 > near.similarity > far.similarity > 0


def test_nothing_similar_and_an_empty_list_recall_nothing() -> None:
    assert Memory(ROWS).recall("qqq 日本") is None
    assert Memory(ROWS).recall(" ") is None
    assert Memory([]).recall("what a fun party") is None


def test_of_rows_that_contradict_each_other_the_first_counts() -> None:
    memory = Memory([("hello there", "👋"), ("Hello  there", "🙋"), *ROWS])
    assert memory.recall("hello there") == Recalled("hello there", "👋", 1.0)
    assert Memory([("Hello  there", "🙋"), ("hello there", "👋")]).recall("hello there") == Recalled(
        "Hello  there", "🙋", 1.0
    )


@pytest.mark.parametrize(
    ("similarity", "emoji"),
    [
        (1.0, ["🎉🥳", "😀", "🎈"]),
        (FIRST, ["🎉🥳", "😀", "🎈"]),
        (FIRST - 1e-9, ["😀", "🎉🥳", "🎈"]),
        (SECOND, ["😀", "🎉🥳", "🎈"]),
        (SECOND - 1e-9, MODEL),
    ],
)
def test_where_it_stands(similarity: float, emoji: list[str]) -> None:
    found = merge(MODEL, recalled(similarity), 3)
    assert [one for one, _ in found] == emoji
    assert {one: phrase for one, phrase in found if phrase} == (
        {"🎉🥳": "what a fun party"} if similarity >= SECOND else {}
    )


def test_the_same_emoji_are_said_once() -> None:
    assert merge(MODEL, recalled(0.9, "🎈"), 3) == [("🎈", "what a fun party"), ("😀", None), ("🎂", None)]
    assert merge(MODEL, recalled(0.4, "🎂"), 3) == [("😀", None), ("🎂", "what a fun party"), ("🎈", None)]
    assert merge(MODEL, recalled(0.4, "😀"), 3) == [(one, None) for one in MODEL]  # the greedy answer says it already
    assert merge(["❤", "🎈"], recalled(0.9, "❤️"), 3) == [("❤️", "what a fun party"), ("🎈", None)]


def test_never_more_than_are_wanted() -> None:
    assert merge(MODEL, recalled(0.9), 1) == [("🎉🥳", "what a fun party")]
    assert merge(MODEL, recalled(0.4), 1) == [("😀", None)]
    assert merge(MODEL, None, 2) == [("😀", None), ("🎈", None)]
    assert merge([], recalled(0.4), 3) == [("🎉🥳", "what a fun party")]


def test_a_folder_keeps_it(tmp_path: Path) -> None:
    assert read_memory(tmp_path) is None
    write_memory(tmp_path, iter(ROWS))
    found = read_memory(tmp_path)
    assert found and found.rows == ROWS


@pytest.mark.parametrize("content", ['{"texts": ["a"], "emoji": []}', '{"texts": "a", "emoji": "b"}', "[]", "{}"])
def test_a_file_that_is_none_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / MEMORY_FILE).write_text(content)
    with pytest.raises(InputError, match="memory"):
        read_memory(tmp_path)
