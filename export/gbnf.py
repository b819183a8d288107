"""The emoji grammar in GBNF, for llama.cpp: whole emoji and nothing else, whatever the model wants to say.

https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md. It speaks of characters, not of tokens, so it
cannot know how many tokens are left: it bounds the number of emoji instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pocketmoji.core.text.emoji import emoji_table
from pocketmoji.core.text.grammar import merged_trie
from pocketmoji.core.workspace import write_text

GBNF_FILE = "emoji.gbnf"
Node = tuple[bool, tuple[tuple[str, int], ...]]
"""Whether an emoji may end here, and the next characters, each with the number of its node."""


def write_gbnf(folder: Path, most: int) -> Path:
    """Write the grammar of one to `most` emoji."""
    path = folder / GBNF_FILE
    write_text(path, gbnf(emoji_table(), most))
    return path


def gbnf(sequences: Iterable[str], most: int) -> str:
    nodes = merged_trie(sequences)
    rules = [f"root ::= emoji{{1,{most}}}"]
    for number in range(len(nodes) - 1, -1, -1):  # the first character's node is the last
        _, onward = nodes[number]
        by_target: dict[int, list[str]] = {}
        for character, target in onward:
            by_target.setdefault(target, []).append(character)
        parts = [f"[{_class(found)}]{_reference(nodes, target)}" for target, found in by_target.items()]
        if parts:
            rules.append(f"{'emoji' if number == len(nodes) - 1 else f'n{number}'} ::= {' | '.join(parts)}")
    return "\n".join(rules) + "\n"


def _reference(nodes: list[Node], number: int) -> str:
    ends, onward = nodes[number]
    return f" n{number}{'?' if ends else ''}" if onward else ""


def _class(characters: list[str]) -> str:
    """A class of characters, neighbours as ranges."""
    ranges: list[list[int]] = []
    for code in sorted(map(ord, characters)):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"\\U{a:08X}" if a == b else f"\\U{a:08X}-\\U{b:08X}" for a, b in ranges)
