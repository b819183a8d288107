from __future__ import annotations

from pocketmoji.core.text.emoji import find_fault
from pocketmoji.core.text.everyday import everyday_rows, names_of_emoji


def test_every_answer_is_whole_emoji_and_no_text_stands_twice() -> None:
    rows = everyday_rows()
    phrases = [row for row in rows if row.origin == "everyday"]
    assert len(phrases) >= 2_500
    assert not [row for row in rows if find_fault(row.emoji) or not row.text.strip()]
    assert len({row.text.casefold() for row in rows}) == len(rows)


def test_names_in_other_languages() -> None:
    english, german = ({row.emoji: row.text for row in names_of_emoji(code)} for code in ("en", "de"))
    assert english["🦥"] == "sloth" and german["🦥"] == "faultier"
    assert "👍🏽" not in english and names_of_emoji("tlh") == []
