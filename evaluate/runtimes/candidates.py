"""Several answers to one text, each with its probability: as the page, greedy first, then others that begin otherwise.

The page draws the others at random; here they are the likeliest beginnings, so the same question has the same answers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pocketmoji.core.workspace import read_object
from pocketmoji.evaluate.runtimes.tokens import prompt_tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

Allowed = Callable[[Sequence[int]], Sequence[int]]
"""The tokens that may follow an answer so far, for a decoder that is held to a grammar."""


class Stepping(Protocol):
    """A model that is asked token by token. A state is never changed: several answers go on from the same one."""

    tokenizer: Tokenizer
    stop_token_ids: list[int]
    max_new_tokens: int
    rendered: Callable[[str], str]

    def step(self, tokens: Sequence[int], state: Any) -> tuple[NDArray[Any], Any]:
        """The logits after `tokens` (a vector) and the state with them; None is the state before a prompt."""
        ...


@dataclass(frozen=True)
class Candidate:
    """An answer. `probability` is that of exactly these tokens, the stop token included, of all that could be said."""

    emoji: str
    probability: float
    stopped: bool


def candidates(model: Stepping, text: str, count: int = 3, allowed: Allowed | None = None) -> list[Candidate]:
    """At most `count` answers that are spelt differently: the greedy one, then the others by their probability."""
    import numpy as np

    (prompt,) = prompt_tokens(model.tokenizer, [text], model.rendered)
    logits, state = model.step(prompt, None)
    log_shares = _log_softmax(logits, allowed, [])
    order = np.argsort(-log_shares, kind="stable")[: count + len(model.stop_token_ids)]
    # An answer that ends before it begins is one only where it is the greedy one.
    starts = [int(token) for at, token in enumerate(order) if not at or int(token) not in model.stop_token_ids]
    found: dict[str, Candidate] = {}
    for start in starts[:count]:
        if np.isfinite(log_shares[start]):
            one = _go_on(model, start, float(log_shares[start]), state, allowed)
            found.setdefault(one.emoji, one)
    greedy, *others = found.values()
    return [greedy, *sorted(others, key=lambda one: -one.probability)]


def share_of(model: Stepping, text: str, emoji: str, allowed: Allowed | None = None) -> float:
    """The probability with which the model would have said exactly `emoji`, and then stopped; 0 if it could not."""
    import numpy as np

    (prompt,) = prompt_tokens(model.tokenizer, [text], model.rendered)
    tokens = model.tokenizer.encode(emoji, add_special_tokens=False).ids
    if len(tokens) >= model.max_new_tokens:
        return 0.0
    logits, state = model.step(prompt, None)
    log_share = 0.0
    for at, token in enumerate(tokens):
        log_shares = _log_softmax(logits, allowed, tokens[:at])
        if not np.isfinite(log_shares[token]):
            return 0.0
        log_share += float(log_shares[token])
        logits, state = model.step([token], state)
    log_shares = _log_softmax(logits, allowed, tokens)
    return math.exp(log_share + float(log_shares[model.stop_token_ids].max()))


def _go_on(model: Stepping, start: int, log_share: float, state: Any, allowed: Allowed | None) -> Candidate:
    """The answer that begins with `start` and goes on greedily."""
    tokens = [start]
    while tokens[-1] not in model.stop_token_ids and len(tokens) < model.max_new_tokens:
        logits, state = model.step(tokens[-1:], state)
        log_shares = _log_softmax(logits, allowed, tokens)
        tokens.append(int(log_shares.argmax()))
        log_share += float(log_shares[tokens[-1]])
    stopped = tokens[-1] in model.stop_token_ids
    spelt = model.tokenizer.decode(tokens[:-1] if stopped else tokens, skip_special_tokens=False)
    return Candidate(spelt, math.exp(log_share), stopped)


def _log_softmax(logits: NDArray[Any], allowed: Allowed | None, answer: Sequence[int]) -> NDArray[Any]:
    """Logarithms of the tokens' shares, minus infinity for those that may not follow."""
    import numpy as np

    row = logits.astype(np.float64)
    if allowed is not None:
        masked = np.full_like(row, -np.inf)
        kept = list(allowed(answer))
        masked[kept] = row[kept]
        row = masked
    row -= row.max()
    return np.asarray(row - np.log(np.exp(row).sum()))


def find_artefact(target: Path) -> Path | None:
    """The ONNX file of a web folder (or the file itself): the one that pocketmoji.json names, else the smallest."""
    if target.is_file():
        return target
    named = read_object(target / "pocketmoji.json").get("onnx_file")
    if named and (target / named).is_file():
        return target / named
    return min(target.glob("onnx/*.onnx"), key=lambda file: file.stat().st_size, default=None)
