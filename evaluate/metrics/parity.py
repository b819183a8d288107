"""Parity: two runtimes generated the same tokens for the same text."""

from __future__ import annotations

from pocketmoji.core.records import Prediction


def same_tokens(prediction: Prediction, reference: Prediction) -> bool:
    """True if both generated the same token ids, stop token included. Both must use the same tokenizer."""
    return prediction.tokens == reference.tokens
