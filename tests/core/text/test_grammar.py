"""The emoji grammar: every emoji can be said, nothing else can, and the answer is whole at any limit."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from pocketmoji.core.errors import InputError
from pocketmoji.core.text.emoji import emoji_table, find_fault, is_compliant
from pocketmoji.core.text.grammar import GRAMMAR_FILE, Grammar, emoji_automaton, follow, load_grammar, make_grammar
from pocketmoji.evaluate.runtimes.tokens import load_tokenizer

STOP = 1
HALVES = [
    "",
    "🇫",
    "🇫️",
    "🎉\ufe0f",
    "👨\u200d",
    "👨\u200d👩\u200d",
    "🤦\u200d\ufe0f",
    "🎂\U0001f3fc",
    "1",
    "1\ufe0f",
    "a",
    " ",
]


@pytest.fixture(scope="module")
def grammar(tiny_model: Path) -> Grammar:
    return make_grammar(tiny_model)


def test_every_emoji_of_the_table_can_be_said_and_two_in_a_row(tiny_model: Path, grammar: Grammar) -> None:
    tokenizer = load_tokenizer(tiny_model)
    table = list(emoji_table())
    for sequence, other in zip(table, reversed(table), strict=True):
        tokens = tokenizer.encode(sequence, add_special_tokens=False).ids
        assert grammar.accepts([*tokens, STOP]) and not grammar.accepts(tokens), ascii(sequence)
        assert grammar.accepts([*tokens, *tokenizer.encode(other, add_special_tokens=False).ids, STOP])


@pytest.mark.parametrize("text", HALVES, ids=ascii)
def test_what_is_no_whole_emoji_cannot(tiny_model: Path, grammar: Grammar, text: str) -> None:
    tokens = load_tokenizer(tiny_model).encode(text, add_special_tokens=False).ids
    assert not grammar.accepts([*tokens, STOP])


def test_the_automaton_judges_as_find_fault_does() -> None:
    automaton = emoji_automaton(emoji_table())
    source = random.Random(0)
    pieces = [
        *source.sample(sorted(emoji_table()), 300),
        "\u200d",
        "\ufe0f",
        "\U0001f3fd",
        "🇩",
        "1",
        "\u20e3",
        "a",
        "\U000e0067",
    ]
    verdicts = set()
    for _ in range(20_000):
        text = "".join(source.choices(pieces, k=source.randint(1, 5)))
        state = follow(automaton, 0, text.encode())
        assert (state is not None and automaton.whole[state]) == is_compliant(text), ascii(text)
        verdicts.add(is_compliant(text))
    assert verdicts == {True, False}


@pytest.mark.parametrize("limit", [2, 3, 5, 16])
def test_whatever_is_chosen_the_answer_is_whole_at_the_limit(tiny_model: Path, grammar: Grammar, limit: int) -> None:
    tokenizer, source, longest = load_tokenizer(tiny_model), random.Random(limit), 0
    for _ in range(300):
        answer: list[int] = []
        while not answer or answer[-1] != STOP:
            choices = grammar.allowed(answer, limit).tolist()
            halfway = [token for token in choices if token != STOP]  # never stops by itself
            answer.append(source.choice(halfway or choices))
        assert len(answer) <= limit and grammar.accepts(answer) and not len(grammar.allowed(answer, limit))
        raw = tokenizer.decode(answer[:-1], skip_special_tokens=False)
        assert find_fault(raw) is None, ascii(raw)
        longest = max(longest, len(answer))
    assert longest == limit


def test_a_limit_without_room_for_an_emoji_is_told(grammar: Grammar) -> None:
    with pytest.raises(InputError, match="an answer may have 1 tokens"):
        grammar.allowed([], 1)


def test_the_file_holds_the_same_grammar(grammar: Grammar, tmp_path: Path) -> None:
    path = grammar.write(tmp_path)
    assert path.name == GRAMMAR_FILE and path.stat().st_size < 100_000
    again = load_grammar(tmp_path)
    assert again.as_json() == grammar.as_json()
    assert again.allowed([], 8).tolist() == grammar.allowed([], 8).tolist()


def test_a_tokenizer_that_cannot_spell_bytes_is_refused(tmp_path: Path) -> None:
    tokenizer = {"model": {"type": "BPE", "byte_fallback": False, "vocab": {"a": 0}}, "added_tokens": []}
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    with pytest.raises(InputError, match="byte fallback"):
        make_grammar(tmp_path)
