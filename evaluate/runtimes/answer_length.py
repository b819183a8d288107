"""How many tokens an answer may have: as many as the longest of the list takes, in the model's own vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pocketmoji.core.config import EvaluateConfig
from pocketmoji.core.console import say
from pocketmoji.core.records import SPLITS, Example, read_jsonl
from pocketmoji.evaluate.runtimes.tokens import load_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def answer_tokens(answers: Iterable[str], tokenizer: Tokenizer) -> dict[str, int]:
    """Tokens of each answer, its stop token included."""
    different = list(dict.fromkeys(answers))
    encoded = tokenizer.encode_batch(different, add_special_tokens=False)
    return {answer: len(encoding.ids) + 1 for answer, encoding in zip(different, encoded, strict=True)}


def answers_of(dataset: Path) -> list[str]:
    """Every answer of a dataset, whichever split it is in. What is wrong with a split is told by who evaluates it."""
    found: list[str] = []
    for split in SPLITS:
        file = dataset / f"{split}.jsonl"
        try:
            found += [row.emoji for row in read_jsonl(file, Example)] if file.is_file() else []
        except ValueError:
            continue
    return found


def with_limit(config: EvaluateConfig, answers: Iterable[str], models: Iterable[Path]) -> EvaluateConfig:
    """`config` with a number for `max_new_tokens`: "auto" becomes what the longest answer takes, or more.

    `models`: folders with a tokenizer.json, of which the one that takes most tokens counts. A number that was given is
    kept; that it cuts answers off is told.
    """
    answers, lengths = list(answers), dict[str, int]()
    for model in models:
        for answer, tokens in answer_tokens(answers, load_tokenizer(model)).items():
            lengths[answer] = max(tokens, lengths.get(answer, 0))
    if config.max_new_tokens == "auto":
        longest = max(lengths.values(), default=0)
        return config.model_copy(update={"max_new_tokens": max(config.limit, longest)})
    cut = [answer for answer, tokens in lengths.items() if tokens > config.limit]
    if cut:
        worst = max(cut, key=lambda answer: lengths[answer])
        say(
            f"--max-new-tokens {config.limit} cuts off {len(cut)} of {len(lengths)} answers of the list: "
            f"{worst} takes {lengths[worst]}, its stop token included; leave the option out, and they fit"
        )
    return config
