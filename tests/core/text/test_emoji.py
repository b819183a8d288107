"""What an emoji is: emoji-test.txt, sequence by sequence, and nothing that only looks like one."""

from __future__ import annotations

import random

import pytest

from pocketmoji.core.text.emoji import (
    emoji_table,
    find_fault,
    fully_qualified_emoji,
    is_compliant,
    is_fully_qualified,
    normalise,
    split_emoji,
)

NOT_EMOJI = {
    "empty": "",
    "letter": "a",
    "digit": "1",
    "hash": "#",
    "asterisk": "*",
    "digit with selector": "1\ufe0f",
    "lone joiner": "\u200d",
    "lone selector": "\ufe0f",
    "lone keycap": "\u20e3",
    "lone skin tone": "\U0001f3fd",
    "lone hair": "\U0001f9b0",
    "lone regional indicator": "\U0001f1e9",
    "lone tag": "\U000e0067",
    "unknown flag": "\U0001f1fd\U0001f1fd",
    "space after": "🎉 ",
    "space between": "🎉 🥳",
    "newline": "🎉\n",
    "text after": "🎉 party",
    "special token": "🎉<end_of_turn>",
    "broken byte": "🎉\ufffd",
    "a joiner that joins nothing known": "👪\u200d👦",
    "a joiner before a selector": "🤦\u200d\ufe0f",
    "a joiner at the end": "👩\u200d",
    "a skin tone on what takes none": "🎉\U0001f3fd",
    "two skin tones": "👍\U0001f3fd\U0001f3fd",
    "three selectors only": "\ufe0f\ufe0f\ufe0f",
}


def test_the_table_is_the_whole_of_unicode() -> None:
    assert len(fully_qualified_emoji()) >= 3_790  # Emoji 16.0 has 3,790
    assert set(emoji_table().values()) == {"fully_qualified", "minimally_qualified", "unqualified"}


def test_every_sequence_is_compliant_and_one_emoji() -> None:
    for sequence in emoji_table():
        assert split_emoji(sequence) == [sequence]
        assert is_compliant(sequence)
        assert find_fault(sequence) is None


def test_every_sequence_normalises_to_the_fully_qualified_form() -> None:
    for sequence, status in emoji_table().items():
        form = normalise(sequence)
        assert is_fully_qualified(form), sequence
        assert normalise(form) == form
        assert form.replace("\ufe0f", "") == sequence.replace("\ufe0f", "")
        if status == "fully_qualified":
            assert form == sequence


@pytest.mark.parametrize("text", NOT_EMOJI.values(), ids=NOT_EMOJI.keys())
def test_what_is_no_emoji(text: str) -> None:
    assert not is_compliant(text)
    fault = find_fault(text)
    assert fault is not None and fault.reason
    assert normalise(normalise(text)) == normalise(text)


def test_sequences_stay_whole_in_a_row() -> None:
    row = ["👨‍👩‍👧", "🇩🇪", "🇫🇷", "1️⃣", "👍🏽", "🤦‍♂️", "❤️‍🔥", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
    assert split_emoji("".join(row)) == row


def test_unqualified_is_compliant_but_counted_apart() -> None:
    assert is_compliant("❤") and not is_fully_qualified("❤")
    assert normalise("❤") == "❤️"
    assert normalise("I ❤ you 1") == "I ❤️ you 1"


def test_a_fault_says_where_and_what() -> None:
    fault = find_fault("🎉x")
    assert fault is not None
    assert (fault.column, fault.character, fault.reason) == (2, "x", "a letter")


def test_normalise_is_idempotent_and_changes_only_selectors() -> None:
    source = random.Random(0)
    pieces = [
        *source.sample(sorted(emoji_table()), 400),
        "\u200d",
        "\ufe0f",
        "\ufe0e",
        "\U0001f3fd",
        "1",
        "#",
        "a",
        " ",
    ]
    for _ in range(2_000):
        text = "".join(source.choices(pieces, k=source.randint(1, 6)))
        once = normalise(text)
        assert normalise(once) == once, ascii(text)
        assert once.replace("\ufe0f", "") == text.replace("\ufe0f", "")
