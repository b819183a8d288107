"""The emoji grammar: which tokens may come next, so that an answer is whole emoji and nothing else.

A deterministic automaton over the bytes of core/text/emoji.py's table: a state is a place within an emoji, or between
two. After a whole emoji an answer may end, go on to a longer one (a man to a family) or begin the next. No emoji begins
with what may lengthen another, so reading longest first (`split_emoji`) never comes to another end than the automaton.
A token is allowed if its bytes lead on, and if what is left of the answer's tokens is enough to end it whole.

`export` writes it beside the web model; demo/src/grammar.ts reads the same file and chooses the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pocketmoji.core.errors import InputError
from pocketmoji.core.runtime import stop_token_ids
from pocketmoji.core.text.emoji import emoji_table
from pocketmoji.core.workspace import read_json, write_text

GRAMMAR_FILE = "grammar.json"
VERSION = 1
START = 0
Letter = TypeVar("Letter", int, str)
BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")


@dataclass(frozen=True)
class Automaton:
    """Edges by byte of each state, and the states in which an answer may end. State 0 is the beginning."""

    edges: tuple[dict[int, int], ...]
    whole: tuple[bool, ...]


def merged_trie(words: Iterable[Sequence[Letter]]) -> list[tuple[bool, tuple[tuple[Letter, int], ...]]]:
    """The trie of `words` with the places that go on alike made one: whether a word may end at a place, and the letters
    that lead on, each with the number of its place. A place comes after all that follow it; the last is the root."""
    trie: list[dict[Letter, int]] = [{}]
    ends: set[int] = set()
    for word in sorted(set(words), key=tuple):
        node = 0
        for letter in word:
            if letter not in trie[node]:
                trie[node][letter] = len(trie)
                trie.append({})
            node = trie[node][letter]
        ends.add(node)
    # A child has a larger number than its parent: from the back, places that go on alike become one.
    same: dict[tuple[bool, tuple[tuple[Letter, int], ...]], int] = {}
    place = [0] * len(trie)
    for node in range(len(trie) - 1, -1, -1):
        onward = tuple(sorted((letter, place[child]) for letter, child in trie[node].items()))
        place[node] = same.setdefault((node in ends, onward), len(same))
    return list(same)


def emoji_automaton(sequences: Iterable[str]) -> Automaton:
    """The smallest automaton of one or more of `sequences` in a row, in UTF-8."""
    places = merged_trie(sequence.encode() for sequence in sequences)
    root = len(places) - 1
    # After a whole emoji the next may begin: the places that the bytes so far can mean, together, are a state.
    states = {frozenset([root]): 0}
    edges: list[dict[int, int]] = []
    for state in (order := list(states)):
        onward_of: dict[int, set[int]] = {}
        for one in state | ({root} if any(places[one][0] for one in state) else set()):
            for byte, child in places[one][1]:
                onward_of.setdefault(byte, set()).add(child)
        found = {}
        for byte, children in sorted(onward_of.items()):
            target = frozenset(children)
            if target not in states:
                states[target] = len(states)
                order.append(target)
            found[byte] = states[target]
        edges.append(found)
    return Automaton(tuple(edges), tuple(any(places[one][0] for one in state) for state in states))


class Grammar:
    """The automaton with a vocabulary.

    `tokens`: those that spell a piece of emoji, by id, with their bytes. `distance`: how many tokens it takes from each
    state to a whole answer, the stop token not counted.
    """

    def __init__(
        self, automaton: Automaton, tokens: Mapping[int, bytes], distance: Sequence[int], stops: Sequence[int]
    ) -> None:
        self.automaton = automaton
        self.tokens = dict(tokens)
        self.distance = list(distance)
        self.stop_token_ids = list(stops)
        self._by_first_byte = by_first_byte(self.tokens)
        self._onward: dict[int, NDArray[np.int64]] = {}

    @property
    def fewest_tokens(self) -> int:
        """Tokens of the shortest answer, its stop token included."""
        return self.distance[START] + 1

    def state(self, tokens: Iterable[int]) -> int | None:
        """The state after the tokens of an answer so far, None if they are not the beginning of emoji."""
        state: int | None = START
        for token in tokens:
            if state is None or token not in self.tokens:
                return None
            state = follow(self.automaton, state, self.tokens[token])
        return state

    def accepts(self, tokens: Sequence[int]) -> bool:
        """True for whole emoji and a stop token behind them: with the grammar, greedy decoding says the same."""
        state = self.state(tokens[:-1])
        ended = bool(tokens) and tokens[-1] in self.stop_token_ids
        return ended and state is not None and self.automaton.whole[state]

    def allowed(self, answer: Sequence[int], max_new_tokens: int) -> NDArray[np.int64]:
        """The tokens that may follow an answer so far, of `max_new_tokens` in all with its stop token; none if it has
        ended. InputError where there is no room for one emoji and a stop token."""
        if max_new_tokens < self.fewest_tokens:
            raise InputError(
                f"an answer may have {max_new_tokens} tokens",
                expected=f"at least {self.fewest_tokens}: an emoji and a stop token",
                remedy="a larger --max-new-tokens",
            )
        state = self.state(answer)
        if state is None:
            return np.empty(0, np.int64)
        if state not in self._onward:
            edges = onward(self.automaton, self._by_first_byte, state)
            self._onward[state] = np.array([(token, self.distance[to]) for token, to in edges], np.int64).reshape(-1, 2)
        tokens, distance = self._onward[state].T
        found = tokens[distance + 2 <= max_new_tokens - len(answer)]
        return np.union1d(found, self.stop_token_ids) if self.automaton.whole[state] else np.sort(found)

    def mask(self, answers: Sequence[Sequence[int]], max_new_tokens: int, vocabulary: int) -> NDArray[np.bool_]:
        """[answers, vocabulary]: true for the tokens that may follow each answer so far; all for one that has ended."""
        found = np.zeros((len(answers), vocabulary), bool)
        for row, answer in zip(found, answers, strict=True):
            allowed = self.allowed(answer, max_new_tokens)
            row[allowed if len(allowed) else slice(None)] = True
        return found

    def as_json(self) -> dict[str, Any]:
        """What the file holds. `edges`: of each state first byte, last byte, state, and so on in one list."""
        edges = []
        for one in self.automaton.edges:
            rows: list[list[int]] = []
            for byte, target in sorted(one.items()):
                if rows and rows[-1][1:] == [byte - 1, target]:
                    rows[-1][1] = byte
                else:
                    rows.append([byte, byte, target])
            edges.append([number for row in rows for number in row])
        return {
            "version": VERSION,
            "stop_token_ids": self.stop_token_ids,
            "edges": edges,
            "whole": [state for state, whole in enumerate(self.automaton.whole) if whole],
            "distance": self.distance,
            "tokens": [[token, spelt.hex()] for token, spelt in sorted(self.tokens.items())],
        }

    def write(self, folder: Path) -> Path:
        """Write the grammar into a model's folder."""
        path = folder / GRAMMAR_FILE
        write_text(path, json.dumps(self.as_json(), separators=(",", ":")) + "\n")
        return path


def load_grammar(folder: Path) -> Grammar:
    """The grammar in a model's folder; where there is none, made of its tokenizer.json and stop tokens."""
    path = folder / GRAMMAR_FILE
    if not path.is_file():
        return make_grammar(folder)
    found = read_json(path)
    if found.get("version") != VERSION:
        raise InputError(f"{path.name} has version {found.get('version')!r}", expected=str(VERSION), where=path)
    edges = []
    for row in found["edges"]:
        ranges = zip(row[::3], row[1::3], row[2::3], strict=True)
        edges.append({byte: target for first, last, target in ranges for byte in range(first, last + 1)})
    whole = set(found["whole"])
    automaton = Automaton(tuple(edges), tuple(state in whole for state in range(len(edges))))
    tokens = {token: bytes.fromhex(spelt) for token, spelt in found["tokens"]}
    return Grammar(automaton, tokens, found["distance"], found["stop_token_ids"])


def make_grammar(folder: Path) -> Grammar:
    """The grammar for a model's vocabulary. InputError for a tokenizer that is no BPE with byte fallback."""
    tokenizer = read_json(folder / "tokenizer.json")
    model = tokenizer["model"]
    if model.get("type") != "BPE" or not model.get("byte_fallback"):
        raise InputError(
            f"the tokenizer is {model.get('type')}, without byte fallback",
            expected="a BPE with byte fallback, as Gemma's is, for an emoji grammar",
            where=folder / "tokenizer.json",
        )
    automaton = emoji_automaton(emoji_table())
    special = {token["content"] for token in tokenizer.get("added_tokens", ()) if token["special"]}
    tokens = pieces(automaton, {text: token for text, token in model["vocab"].items() if text not in special})
    return Grammar(automaton, tokens, distances(automaton, tokens), stop_token_ids(folder))


def follow(automaton: Automaton, state: int, spelt: bytes) -> int | None:
    """The state after some bytes; None if they do not continue emoji."""
    for byte in spelt:
        if byte not in automaton.edges[state]:
            return None
        state = automaton.edges[state][byte]
    return state


def pieces(automaton: Automaton, vocabulary: Mapping[str, int]) -> dict[int, bytes]:
    """The tokens that continue emoji from some state at least, by id, with their bytes."""
    characters = {character for sequence in emoji_table() for character in sequence}
    found = {}
    for text, token in vocabulary.items():
        byte = BYTE_TOKEN.fullmatch(text)
        if not byte and not characters.issuperset(text):
            continue
        spelt = bytes([int(byte[1], 16)]) if byte else text.encode()
        if spelt and any(follow(automaton, state, spelt) is not None for state in range(len(automaton.edges))):
            found[token] = spelt
    return dict(sorted(found.items()))


def distances(automaton: Automaton, tokens: Mapping[int, bytes]) -> list[int]:
    """Tokens from each state to the nearest whole answer."""
    far = len(automaton.edges)
    distance = [0 if whole else far for whole in automaton.whole]
    first = by_first_byte(tokens)
    targets = {s: {to for _, to in onward(automaton, first, s)} for s, d in enumerate(distance) if d}
    changed = True
    while changed:
        changed = False
        for state, reached in targets.items():
            nearest = 1 + min((distance[to] for to in reached), default=far)
            if nearest < distance[state]:
                distance[state], changed = nearest, True
    return distance


def by_first_byte(tokens: Mapping[int, bytes]) -> dict[int, list[tuple[int, bytes]]]:
    found: dict[int, list[tuple[int, bytes]]] = {}
    for token, spelt in tokens.items():
        found.setdefault(spelt[0], []).append((token, spelt))
    return found


def onward(automaton: Automaton, first: Mapping[int, Sequence[tuple[int, bytes]]], state: int) -> list[tuple[int, int]]:
    """The tokens that continue emoji from a state, each with the state that it leads to."""
    pairs = [pair for byte in automaton.edges[state] for pair in first.get(byte, ())]
    return [(token, to) for token, spelt in pairs if (to := follow(automaton, state, spelt)) is not None]
