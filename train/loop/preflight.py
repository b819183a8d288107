"""What is proved before the first training step: base, template, mask and stop token fit together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pocketmoji.core.errors import PreflightError
from pocketmoji.core.records import Example
from pocketmoji.core.text.prompt import BOS, END_OF_TURN, START_OF_TURN, messages, render
from pocketmoji.train.base.stop_token import UNTRAINED_COSINE, StopToken
from pocketmoji.train.loop.encoding import Encoded


def check_template(tokenizer: Any, stop: StopToken) -> None:
    """The checkpoint's chat template gives our prompt, and special tokens are single tokens."""
    for text in ("what a fun party", "Two\nlines, a tab\tand 🎉"):
        rendered = tokenizer.apply_chat_template(messages(text), tokenize=False, add_generation_prompt=True)
        if rendered != render(text):
            raise PreflightError(
                f"the base's chat template renders {rendered!r}",
                expected=repr(render(text)),
                where="tokenizer_config.json or chat_template.jinja",
                remedy="use a Gemma 3 base: its prompt must be the one that every runtime and the web page use",
            )
    for token in (BOS, START_OF_TURN, END_OF_TURN, stop.token):
        ids = tokenizer(token, add_special_tokens=False).input_ids
        if len(ids) != 1 or ids[0] == tokenizer.unk_token_id:
            raise PreflightError(f"{token} becomes {len(ids)} tokens", expected="one", where="tokenizer.json")
    if stop.cosine >= UNTRAINED_COSINE:
        raise PreflightError(
            f"the embedding of the stop token {stop.token} is untrained (cosine {stop.cosine:.2f} with <unused> rows)",
            expected=f"below {UNTRAINED_COSINE}",
            remedy="a model trained to emit it would never stop; use another base",
        )


def check_encoding(tokenizer: Any, examples: Sequence[Example], encoded: Sequence[Encoded], stop: StopToken) -> None:
    """The mask covers the answer and one stop token, and the answer tokenises as it will be generated."""
    stop_id = tokenizer.convert_tokens_to_ids(stop.token)
    for example, row in zip(examples, encoded, strict=True):
        answer = [token for token, on in zip(row.tokens, row.mask, strict=True) if on]
        problems = []
        if tokenizer.decode(answer[:-1], clean_up_tokenization_spaces=False) != example.emoji:
            problems.append(f"the masked tokens read {tokenizer.decode(answer)!r}, not {example.emoji!r}")
        if answer.count(stop_id) != 1 or answer[-1] != stop_id:
            problems.append("the answer does not end on exactly one stop token")
        if row.tokens.count(tokenizer.bos_token_id) != 1:
            problems.append("there is not exactly one <bos>")
        if tokenizer(render(example.text) + example.emoji, add_special_tokens=False).input_ids != row.tokens[:-1]:
            problems.append("prompt and answer tokenise otherwise together than apart")
        if problems:
            raise PreflightError("; ".join(problems), where=f"{example.text!r} (seed {example.seed_id})")


def check_first_loss(loss: float, vocabulary: int, gradient_norm: float) -> None:
    """The first batch gives a finite loss no worse than guessing, and gradients that reach the adapter."""
    worst = 2 * math.log(vocabulary)
    if not math.isfinite(loss) or loss > worst:
        raise PreflightError(
            f"the first batch's loss is {loss}",
            expected=f"a number below {worst:.1f} (twice a uniform guess)",
            remedy="the weights are corrupt or the precision overflows: fetch the base anew or train on the CPU",
        )
    if not gradient_norm > 0 or not math.isfinite(gradient_norm):
        raise PreflightError(f"the gradient that reaches the adapter has norm {gradient_norm}", expected="above 0")
