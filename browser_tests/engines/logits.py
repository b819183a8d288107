"""Logits of the page against logits of Python's ONNX Runtime on the same file: the first diverging token, and how far.

Python's x86 kernels for MatMulNBits with accuracy_level 4 round activations to 8 bits; the browser's WASM build has no
such kernel and computes in 32-bit floats. So the reference here computes with accuracy_level 0, which is slower (it
unpacks every weight at every step) and the same arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from pocketmoji.core.records import Prediction, Record

TOP = 10
# Measured with 32-bit floats on both sides: 0.0003 on the real model. A wrong kernel, scale or prompt moves logits by
# whole units.
LIMIT = 0.05


class Trace(Record):
    """What a runtime computed on the way to its greedy answer (demo/src/engine.ts, Trace)."""

    prompt_tokens: list[int]
    steps: list[list[tuple[int, float | None]]]
    """Per generated token its largest logits, largest first; None where one is no finite number."""
    problem: str | None

    @property
    def said(self) -> list[int]:
        """The tokens that the logits would have said, each after those that were said."""
        return [step[0][0] for step in self.steps]


class Divergence(Record):
    """The first token at which two runtimes part. `position` counts the answer's tokens from 1."""

    text: str
    position: int
    browser: str
    python: str
    browser_margin: float
    """How far the browser's choice lies above Python's, in the browser's logits: near 0 is a near tie."""
    python_margin: float


class Comparison(Record):
    texts: int
    same_prompt: bool
    largest_distance: float
    """Largest difference of one token's logit, over all steps that both took after the same tokens."""
    divergence: Divergence | None
    problem: str | None
    """The first thing that is wrong, in words; None if the logits are the same within `LIMIT`."""


class ExactRuntime:
    """The ONNX file in Python, its weights as stored and its activations in 32-bit floats."""

    def __init__(self, web_folder: Path, onnx_file: str, stop_token_ids: Sequence[int], max_new_tokens: int) -> None:
        from pocketmoji.evaluate.runtimes.onnx_runtime import OnnxRuntime

        path = web_folder / onnx_file
        self._traces: dict[str, Trace] = {}
        self._runtime = OnnxRuntime(path, web_folder, stop_token_ids, max_new_tokens, batch_size=1, rounding=False)
        self.may_round = self._runtime.was_rounding
        """Whether the file lets kernels, of a GPU for instance, round activations to 8 bits."""

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        return self._runtime.predict(texts)

    def spell(self, token: int) -> str:
        return str(self._runtime.tokenizer.decode([token], skip_special_tokens=False))

    def trace(self, text: str) -> Trace:
        """The greedy answer's logits, step by step; computed once per text."""
        if text not in self._traces:
            self._traces[text] = self._trace(text)
        return self._traces[text]

    def _trace(self, text: str) -> Trace:
        import numpy as np

        from pocketmoji.evaluate.runtimes.tokens import prompt_tokens

        runtime = self._runtime
        (prompt,) = prompt_tokens(runtime.tokenizer, [text])
        ids, cache = np.array([prompt], np.int64), runtime._empty_cache(1)
        names = [output.name for output in runtime.session.get_outputs()]
        steps: list[list[tuple[int, float | None]]] = []
        for at in range(runtime.max_new_tokens):
            feed = {
                "input_ids": ids,
                "attention_mask": np.ones((1, len(prompt) + at), np.int64),
                "num_logits_to_keep": np.array(1, np.int64),
                **cache,
            }
            outputs = dict(zip(names, runtime.session.run(None, feed), strict=True))
            row = outputs.pop("logits")[0, -1]
            bad = int((~np.isfinite(row)).sum())
            if bad:
                kind = "NaN" if np.isnan(row).any() else "infinite"
                problem = f"{bad} of {len(row)} logits are {kind} at token {at + 1}"
                return Trace(prompt_tokens=prompt, steps=steps, problem=problem)
            order = np.argsort(-row, kind="stable")[:TOP]
            steps.append([(int(token), float(row[token])) for token in order])
            token = int(order[0])
            if token in runtime.stop_token_ids:
                break
            cache = {name.replace("present.", "past_key_values.", 1): value for name, value in outputs.items()}
            ids = np.array([[token]], np.int64)
        return Trace(prompt_tokens=prompt, steps=steps, problem=None)


def compare(pairs: Sequence[tuple[str, Trace, Trace]], spell: Any, limit: float = LIMIT) -> Comparison:
    """(text, browser's trace, Python's trace) each; `spell` gives a token's text."""
    largest, same_prompt = 0.0, True
    problem: str | None = None
    divergence: Divergence | None = None
    for text, browser, python in pairs:
        if browser.prompt_tokens != python.prompt_tokens:
            same_prompt = False
            problem = problem or _other_prompt(text, browser.prompt_tokens, python.prompt_tokens, spell)
            continue
        if browser.problem or python.problem:
            problem = problem or _not_finite(text, browser.problem, python.problem)
            continue
        for position, (ours, theirs) in enumerate(zip(browser.steps, python.steps, strict=False), start=1):
            here, there = dict(ours), dict(theirs)
            common = [(here[token], there[token]) for token in here if token in there]
            distance = max((abs((a or 0.0) - (b or 0.0)) for a, b in common), default=float("inf"))
            largest = max(largest, distance)
            mine, other = ours[0][0], theirs[0][0]
            if mine != other:
                found = Divergence(
                    text=text,
                    position=position,
                    browser=spell(mine),
                    python=spell(other),
                    browser_margin=_margin(here, mine, other),
                    python_margin=_margin(there, other, mine),
                )
                divergence = divergence or found
                if distance > limit:
                    problem = problem or (
                        f"{text!r}: the first diverging token is number {position}: the page says {found.browser!r}, "
                        f"Python {found.python!r}; logits are up to {distance:.3g} apart"
                    )
                break
            if distance > limit:
                problem = problem or (
                    f"{text!r}: the same token {position} ({spell(mine)!r}), but logits are up to {distance:.3g} apart "
                    f"(limit {limit:g})"
                )
    return Comparison(
        texts=len(pairs),
        same_prompt=same_prompt,
        largest_distance=largest if isfinite(largest) else 1e9,
        divergence=divergence,
        problem=problem,
    )


def _margin(logits: dict[int, float | None], chosen: int, other: int) -> float:
    """How far `chosen` lies above `other`; above the smallest that is known where `other` is not among them."""
    floor = min(value for value in logits.values() if value is not None)
    return (logits[chosen] or 0.0) - (logits.get(other) or floor)


def _other_prompt(text: str, browser: Sequence[int], python: Sequence[int], spell: Any) -> str:
    at = next(
        (i for i, (a, b) in enumerate(zip(browser, python, strict=False)) if a != b), min(len(browser), len(python))
    )
    ours, theirs = (repr("".join(map(spell, tokens[at : at + 4]))) for tokens in (browser, python))
    return (
        f"{text!r}: the page's prompt is another ({len(browser)} tokens, Python {len(python)}), "
        f"from token {at + 1} on: {ours} where Python has {theirs} (another prompt or tokenizer)"
    )


def _not_finite(text: str, browser: str | None, python: str | None) -> str:
    if browser and python:
        return f"{text!r}: {browser}; in Python too: the file itself is at fault"
    if browser:
        return f"{text!r}: {browser} of the answer in the page; finite in Python: the engine is at fault"
    return f"{text!r}: {python} of the answer in Python; finite in the page"
