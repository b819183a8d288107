"""One forward pass for a whole batch that computes the common prompt prefix once and pads nothing.

All prompts begin with the same dozen tokens, about half of an example. A batch is laid out as one sequence: the
prefix, then each example's own tokens. An example attends to the prefix and to itself, and its positions go on from the
prefix's end, so every logit and every gradient is what separate sequences would give (tests/train checks it).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from pocketmoji.train.encoding import Encoded

IGNORED = -100


def feature(row: Encoded) -> dict[str, list[int]]:
    """A row as `collate` takes it: `input_ids` and, of the same length, `labels`."""
    labels = [token if on else IGNORED for token, on in zip(row.tokens, row.mask, strict=True)]
    return {"input_ids": row.tokens, "labels": labels}


def common_prefix(rows: Sequence[Sequence[int]]) -> int:
    """Number of leading tokens that all rows share."""
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*rows, strict=False)))


def collate(features: Sequence[dict[str, list[int]]]) -> dict[str, Any]:
    """Rows of `input_ids` and `labels` (IGNORED on the prompt) to one sequence, tensors of shape [1, length].

    `segments` is 0 on the prefix and 1, 2, ... on the examples. `labels[p]` is the token that position p predicts.
    """
    import torch

    rows = [feature["input_ids"] for feature in features]
    prompt_lengths = [sum(label == IGNORED for label in feature["labels"]) for feature in features]
    # The last prompt token predicts the answer's first, so it belongs to the example, not to the prefix.
    shared = min(common_prefix(rows), min(prompt_lengths) - 1)
    tokens = list(rows[0][:shared])
    positions, segments, labels = list(range(shared)), [0] * shared, [IGNORED] * shared
    for number, feature in enumerate(features, start=1):
        own = feature["input_ids"][shared:]
        tokens += own
        positions += range(shared, shared + len(own))
        segments += [number] * len(own)
        labels += [*feature["labels"][shared + 1 :], IGNORED]
    columns = {"input_ids": tokens, "position_ids": positions, "segments": segments, "labels": labels}
    return {name: torch.tensor([column]) for name, column in columns.items()}


def attention_masks(segments: Any, positions: Any, window: int) -> dict[str, Any]:
    """Boolean masks [1, 1, length, length] for Gemma 3's two kinds of layers; True where a query sees a key."""
    row, column = segments[:, :, None], segments[:, None, :]
    distance = positions[:, :, None] - positions[:, None, :]
    full = ((row == column) | (column == 0)) & (distance >= 0)
    return {"full_attention": full[:, None], "sliding_attention": (full & (distance < window))[:, None]}


def label_loss(model: Any, batch: dict[str, Any], window: int) -> Any:
    """Mean cross-entropy over the labels of a collated batch. The head runs at the labelled positions alone."""
    from torch.nn.functional import cross_entropy

    labels = batch["labels"][0]
    wanted = (labels != IGNORED).nonzero()[:, 0]
    output = model(
        input_ids=batch["input_ids"],
        position_ids=batch["position_ids"],
        attention_mask=attention_masks(batch["segments"], batch["position_ids"], window),
        logits_to_keep=wanted,
        use_cache=False,
    )
    return cross_entropy(output.logits[0].float(), labels[wanted])
