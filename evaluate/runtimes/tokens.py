"""From text to prompt tokens and from generated tokens to a raw output: the same for every runtime in Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pocketmoji.core.errors import InputError
from pocketmoji.core.records import Prediction
from pocketmoji.core.text.prompt import asked

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a model folder, read from its tokenizer.json just as the browser reads it."""
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if not path.is_file():
        raise InputError("tokenizer.json is missing", expected="a model folder", where=path)
    return Tokenizer.from_file(str(path))


def prompt_tokens(
    tokenizer: Tokenizer, texts: Sequence[str], rendered: Callable[[str], str] = asked
) -> list[list[int]]:
    """The token ids of each text's prompt, as `rendered` puts it.

    The prompt has its <bos>, so the tokenizer must not add another.
    """
    encodings = tokenizer.encode_batch([rendered(text) for text in texts], add_special_tokens=False)
    return [encoding.ids for encoding in encodings]


def prediction(
    tokenizer: Tokenizer,
    text: str,
    generated: Sequence[int],
    stop_token_ids: Sequence[int],
    *,
    seconds: float,
    ttft_ms: float | None = None,
    tokens_per_s: float | None = None,
) -> Prediction:
    """The record of one answer: `generated` up to its first stop token, special tokens decoded, nothing cleaned."""
    at = next((i for i, token in enumerate(generated) if token in stop_token_ids), None)
    tokens = list(generated if at is None else generated[: at + 1])
    return Prediction(
        text=text,
        raw=tokenizer.decode(tokens if at is None else tokens[:-1], skip_special_tokens=False),
        tokens=tokens,
        stopped=at is not None,
        seconds=seconds,
        ttft_ms=ttft_ms,
        tokens_per_s=tokens_per_s,
    )
