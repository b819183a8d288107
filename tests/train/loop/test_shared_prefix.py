"""The shared-prefix batch is an arrangement, not an approximation: same loss and gradients as separate sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pocketmoji.core.text.prompt import render
from pocketmoji.train.loop.encoding import Encoded
from pocketmoji.train.loop.shared_prefix import IGNORED, collate, common_prefix, feature, label_loss

ROWS = [("what a fun party", "🎉🥳"), ("my cat is sleeping on me", "😴💤🐈"), ("pizza", "🍕")]


@pytest.fixture(scope="module")
def features(tiny_model: Path) -> list[dict[str, list[int]]]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tiny_model / "tokenizer.json"))
    found = []
    for text, emoji in ROWS:
        prompt = tokenizer.encode(render(text), add_special_tokens=False).ids
        answer = [*tokenizer.encode(emoji, add_special_tokens=False).ids, 1]
        found.append(feature(Encoded(prompt + answer, len(answer))))
    return found


def plain_loss(model: Any, features: list[dict[str, list[int]]]) -> Any:
    """One sequence at a time, all logits, the textbook way."""
    import torch

    losses, count = [], 0
    for one in features:
        logits = model(input_ids=torch.tensor([one["input_ids"]])).logits[0, :-1]
        labels = torch.tensor(one["labels"][1:])
        losses.append(torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum"))
        count += int((labels != IGNORED).sum())
    return torch.stack(losses).sum() / count


@pytest.mark.parametrize("window", [512, 4])
def test_same_loss_and_gradients(tiny_model: Path, features: list[dict[str, list[int]]], window: int) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32, sliding_window=window)
    expected = plain_loss(model, features)
    expected.backward()
    wanted = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    loss = label_loss(model, collate(features), window)
    loss.backward()
    assert torch.allclose(loss, expected, atol=1e-5)
    for name, parameter in model.named_parameters():
        assert torch.allclose(parameter.grad, wanted[name], rtol=1e-3, atol=1e-4), name


def test_prefix_is_computed_once(features: list[dict[str, list[int]]]) -> None:
    batch = collate(features)
    shared = common_prefix([one["input_ids"] for one in features])
    assert shared > 8
    rows = [len(one["input_ids"]) for one in features]
    assert batch["input_ids"].shape == (1, sum(rows) - shared * (len(rows) - 1))


def test_identical_rows_keep_their_labels(features: list[dict[str, list[int]]]) -> None:
    batch = collate([features[0], features[0]])
    answer = [label for label in features[0]["labels"] if label != IGNORED]
    assert [int(label) for label in batch["labels"][0] if label != IGNORED] == answer * 2
