"""Greedy decoding of many prompts that begin alike: the beginning is computed once, and whoever is done
leaves the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from pocketmoji.core.text.grammar import Grammar

SHORTEST_PREFIX = 4
LEAVE_AT = 0.25  # a batch is copied without those who are done once they are this share of it


def common_prefix(prompts: Sequence[Sequence[int]]) -> list[int]:
    """The tokens that all prompts begin with, at most all but the last of the shortest."""
    first, last = min(map(list, prompts)), max(map(list, prompts))  # whatever these two share, all between them share
    length = 0
    while length < min(len(first), len(last)) and first[length] == last[length]:
        length += 1
    return list(first[: min(length, min(map(len, prompts)) - 1)])


def fits(model: Any, prompts: Sequence[Sequence[int]], max_new_tokens: int) -> bool:
    """True where `decode` is right: a Gemma 3 whose sliding window cuts nothing off.

    Padding stands between the shared beginning and the rest of a prompt, which a window would count as tokens.
    """
    config = model.config
    window = getattr(config, "sliding_window", None) or 0
    longest = max(map(len, prompts)) + max_new_tokens
    alike = len(common_prefix(prompts)) >= SHORTEST_PREFIX
    return str(config.model_type).startswith("gemma3") and alike and longest <= window


def read_prefix(model: Any, prefix: Sequence[int]) -> Any:
    """The cache after the shared beginning, for one row."""
    import torch
    from transformers import DynamicCache

    ids = torch.tensor([list(prefix)], device=model.device)
    cache: Any = DynamicCache()
    model(input_ids=ids, cache=cache, use_cache=True, logits_to_keep=1)
    return cache


def decode(
    model: Any,
    prefix: Any,
    length: int,
    rests: Sequence[Sequence[int]],
    stops: Sequence[int],
    max_new_tokens: int,
    grammar: Grammar | None = None,
) -> list[list[int]]:
    """The generated tokens of each prompt, its stop token included.

    `prefix` is what `read_prefix` gave for the first `length` tokens, `rests` are the prompts without them.
    """
    import torch

    device, rows = model.device, len(rests)
    widest = max(map(len, rests))
    pads = torch.tensor([widest - len(rest) for rest in rests], device=device)[:, None]
    ids = torch.tensor([[0] * (widest - len(rest)) + list(rest) for rest in rests], device=device)
    places = torch.arange(widest, device=device)[None]
    mask = torch.cat([torch.ones(rows, length, dtype=torch.long, device=device), (places >= pads).long()], 1)
    positions = (length + places - pads).clamp(min=0)
    cache = deepcopy(prefix)
    cache.batch_repeat_interleave(rows)
    found: list[list[int]] = [[] for _ in rests]
    active = list(range(rows))  # which prompt each row of the batch is
    for _ in range(max_new_tokens):
        outputs = model(
            input_ids=ids, attention_mask=mask, position_ids=positions, cache=cache, use_cache=True, logits_to_keep=1
        )
        logits = outputs.logits[:, -1]
        if grammar:
            logits = masked(logits, grammar, [found[row] for row in active], max_new_tokens)
        token = logits.argmax(-1)
        for row, chosen in zip(active, token.tolist(), strict=True):
            if not found[row] or found[row][-1] not in stops:
                found[row].append(chosen)
        kept = [i for i, row in enumerate(active) if found[row][-1] not in stops]
        if not kept:
            break
        ids, positions = token[:, None], positions[:, -1:] + 1
        mask = torch.cat([mask, mask.new_ones(len(active), 1)], 1)
        if len(kept) <= (1 - LEAVE_AT) * len(active):
            cache.batch_select_indices(torch.tensor(kept, device=device))
            ids, positions, mask = ids[kept], positions[kept], mask[kept]
            active = [active[i] for i in kept]
    return found


def masked(logits: Any, grammar: Grammar, answers: Sequence[Sequence[int]], max_new_tokens: int) -> Any:
    """Logits, a row for each answer so far, of which only those are left that the grammar allows."""
    import torch

    mask = torch.from_numpy(grammar.mask(answers, max_new_tokens, logits.shape[-1])).to(logits.device)
    return logits.masked_fill(~mask, float("-inf"))
