"""The margin falls on the tokens that would break an answer, where they would, and makes a model say fewer of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pocketmoji.core.text.prompt import render
from pocketmoji.train.loop.emoji_margin import MARGIN, EmojiMargin
from pocketmoji.train.loop.encoding import Encoded
from pocketmoji.train.loop.shared_prefix import collate, feature, label_loss

STOP = 1


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(tiny_model / "tokenizer.json"))


@pytest.fixture(scope="module")
def margin(tiny_model: Path, tokenizer: Any) -> EmojiMargin:
    return EmojiMargin(tiny_model, tokenizer.get_vocab_size())


def ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False).ids)


def test_what_breaks_an_answer_depends_on_what_was_said(margin: EmojiMargin, tokenizer: Any) -> None:
    import torch

    popper, selector, word = (ids(tokenizer, text)[0] for text in ("🎉", "\ufe0f", "party"))
    money = ids(tokenizer, "💸")  # in bytes
    labels = [popper, STOP, *money, STOP]
    added = margin(torch.tensor(labels), torch.tensor([1, 1] + [2] * (len(labels) - 2)))
    assert added.shape == (len(labels), tokenizer.get_vocab_size())
    assert all(float(row[word]) == MARGIN for row in added)
    assert all(float(row[label]) == 0 for row, label in zip(added, labels, strict=True))
    # No answer is empty, none ends within an emoji, and the second example knows nothing of the first.
    assert [float(row[STOP]) for row in added] == [MARGIN, 0] + [MARGIN] * len(money) + [0]
    assert float(added[1][selector]) == MARGIN and float(added[1][popper]) == 0
    assert float(added[3][popper]) == MARGIN


def test_an_answer_that_is_no_emoji_is_left_alone(margin: EmojiMargin, tokenizer: Any) -> None:
    import torch

    labels = [ids(tokenizer, "party")[0], ids(tokenizer, "🎉")[0], STOP]
    added = margin(torch.tensor(labels), torch.ones(3, dtype=torch.long))
    assert float(added[0].max()) == MARGIN and not added[1:].any()


@pytest.mark.parametrize("general", [True, False])
def test_it_teaches_more_than_the_loss_alone(
    tiny_model: Path, tokenizer: Any, margin: EmojiMargin, general: bool
) -> None:
    """The same few steps with and without: what is left of the probability of tokens that are no emoji. A list's own
    rows are taught without: it was learnt worse with it."""
    import torch
    from transformers import AutoModelForCausalLM

    features = []
    for text, emoji in [("what a fun party", "🎉🥳"), ("pizza", "🍕"), ("my cat", "🐈")]:
        prompt, answer = ids(tokenizer, render(text)), [*ids(tokenizer, emoji), STOP]
        features.append(feature(Encoded(prompt + answer, len(answer), general)))
    batch = collate(features)
    broken = margin(batch["labels"][0][:1] * 0, torch.ones(1)) > 0
    unseen = torch.tensor([ids(tokenizer, render("the bus is late again"))])

    def left(with_margin: EmojiMargin | None) -> float:
        torch.manual_seed(0)
        model: Any = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        for _ in range(3):
            label_loss(model, batch, 512, with_margin).backward()
            optimizer.step()
            optimizer.zero_grad()
        with torch.no_grad():
            return float(model(input_ids=unseen).logits[0, -1].softmax(0)[broken[0]].sum())

    assert left(margin) < left(None) if general else left(margin) == left(None)
