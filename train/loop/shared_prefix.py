"""One forward pass for a whole batch that computes the common prompt prefix once and pads nothing.

All prompts begin with the same dozen tokens, about half of an example. A batch is laid out as one sequence: the
prefix, then each example's own tokens. An example attends to the prefix and to itself, and its positions go on from the
prefix's end, so every logit and every gradient is what separate sequences would give (tests/train checks it).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from pocketmoji.train.loop.encoding import Encoded

IGNORED = -100
ATTENTION = "pocketmoji_shared_prefix"


def feature(row: Encoded) -> dict[str, list[int]]:
    """A row as `collate` takes it: `input_ids`, and of the same length `labels` and `general`."""
    labels = [token if on else IGNORED for token, on in zip(row.tokens, row.mask, strict=True)]
    return {"input_ids": row.tokens, "labels": labels, "general": [int(row.general)] * len(labels)}


def common_prefix(rows: Sequence[Sequence[int]]) -> int:
    """Number of leading tokens that all rows share."""
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*rows, strict=False)))


def collate(features: Sequence[dict[str, list[int]]]) -> dict[str, Any]:
    """Rows of `input_ids`, `labels` (IGNORED on the prompt) and `general` to one sequence, tensors [1, length].

    `segments` is 0 on the prefix and 1, 2, ... on the examples. `labels[p]` is the token that position p predicts.
    `general` is 1 on the examples that are everyday language.
    """
    import torch

    rows = [feature["input_ids"] for feature in features]
    prompt_lengths = [sum(label == IGNORED for label in feature["labels"]) for feature in features]
    # The last prompt token predicts the answer's first, so it belongs to the example, not to the prefix.
    shared = min(common_prefix(rows), min(prompt_lengths) - 1)
    tokens = list(rows[0][:shared])
    positions, segments, labels = list(range(shared)), [0] * shared, [IGNORED] * shared
    general = [0] * shared
    for number, feature in enumerate(features, start=1):
        own = feature["input_ids"][shared:]
        tokens += own
        positions += range(shared, shared + len(own))
        segments += [number] * len(own)
        labels += [*feature["labels"][shared + 1 :], IGNORED]
        general += feature["general"][shared:]
    columns = {
        "input_ids": tokens,
        "position_ids": positions,
        "segments": segments,
        "labels": labels,
        "general": general,
    }
    return {name: torch.tensor([column]) for name, column in columns.items()}


@dataclass(frozen=True)
class Layout:
    """Where the examples of a collated batch stand in its sequence, and what a query may see.

    `own` [rows, longest] has the places of each example's own tokens (behind a shorter one's end, any others), `place`
    where the sequence's tokens after the prefix stand in the flattened `own`. `seen` is True where a query sees a key:
    of the prefix among itself [prefix, prefix], and of an example's tokens in prefix and example
    [longest, prefix + longest]; what stands behind an example's end is seen from there alone.
    """

    prefix: int
    own: Any
    place: Any
    seen: tuple[Any, Any]


def layouts(segments: Any, window: int) -> dict[str, Layout]:
    """The layout of a batch for Gemma 3's two kinds of layers, from `segments` [1, length]."""
    import torch

    counts = torch.bincount(segments[0])
    prefix, lengths = int(counts[0]), counts[1:]
    places = torch.arange(int(lengths.max()), device=segments.device)
    starts = prefix + lengths.cumsum(0) - lengths
    own = (starts[:, None] + places).clamp_(max=segments.shape[1] - 1)
    place = (places < lengths[:, None]).flatten().nonzero()[:, 0]
    ahead = torch.arange(prefix, device=segments.device)
    before = torch.cat([ahead, prefix + places])
    distances = (ahead[:, None] - ahead, (prefix + places)[:, None] - before)
    full = Layout(prefix, own, place, (distances[0] >= 0, distances[1] >= 0))
    near = tuple(seen & (distance < window) for seen, distance in zip(full.seen, distances, strict=True))
    return {"full_attention": full, "sliding_attention": replace(full, seen=(near[0], near[1]))}


def attend(
    module: Any, query: Any, key: Any, value: Any, layout: Any, scaling: float | None = None, **_: Any
) -> tuple[Any, None]:
    """Attention of a collated batch: the prefix sees itself, each example the prefix and itself, and no example is
    compared with another. Tensors are [1, heads, length, size]; transformers calls it as it calls its own."""
    import torch
    from torch.nn.functional import embedding, scaled_dot_product_attention

    groups, prefix, rows = query.shape[1] // key.shape[1], layout.prefix, len(layout.own)
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    # As rows of a table: torch's gradient of an index anywhere took a twentieth of a step, that of a look-up nothing.
    taken = lambda table, places: embedding(places, table.reshape(len(table), -1)).unflatten(-1, table.shape[1:])
    own = lambda states: taken(states[0].transpose(0, 1), layout.own).transpose(1, 2)
    ahead = lambda states: states[:, :, :prefix]
    both = lambda states: torch.cat([ahead(states).expand(rows, -1, -1, -1), own(states)], 2)
    told = scaled_dot_product_attention(own(query), both(key), both(value), layout.seen[1], scale=scaling)
    told = taken(told.transpose(1, 2).flatten(0, 1), layout.place)
    if prefix:
        first = scaled_dot_product_attention(ahead(query), ahead(key), ahead(value), layout.seen[0], scale=scaling)
        told = torch.cat([first[0].transpose(0, 1), told])
    return told[None], None


@contextmanager
def shared_attention(model: Any) -> Iterator[None]:
    """Within the block the model attends as `attend` does; it must be handed layouts in place of masks."""
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    ALL_ATTENTION_FUNCTIONS.register(ATTENTION, attend)
    config = getattr(model, "module", model).config  # several processes wrap the model
    before = config._attn_implementation
    config._attn_implementation = ATTENTION
    try:
        yield
    finally:
        config._attn_implementation = before


def label_loss(model: Any, batch: dict[str, Any], window: int, margin: Any = None) -> Any:
    """Mean cross-entropy over the labels of a collated batch, with `margin` (emoji_margin.py) added to the logits of
    everyday language if there is one. The head runs at the labelled positions alone."""
    from torch.nn.functional import cross_entropy

    labels = batch["labels"][0]
    wanted = (labels != IGNORED).nonzero()[:, 0]
    with shared_attention(model):
        output = model(
            input_ids=batch["input_ids"],
            position_ids=batch["position_ids"],
            attention_mask=layouts(batch["segments"], window),
            logits_to_keep=wanted,
            use_cache=False,
        )
    logits = output.logits[0].float()
    if margin:
        general = batch["general"][0][wanted, None]
        logits = logits + general * margin(labels[wanted], batch["segments"][0][wanted])
    return cross_entropy(logits, labels[wanted])
