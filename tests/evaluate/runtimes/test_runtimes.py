"""Batched decoding gives what one text at a time gives; ONNX Runtime gives what torch gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pocketmoji.core.errors import InputError
from pocketmoji.core.text.prompt import render
from pocketmoji.evaluate.runtimes.tokens import load_tokenizer, prediction, prompt_tokens

TEXTS = [
    "what a fun party",
    "xyz Ünï 日本",
    "two\nlines",
    "a  b",
    "🤦‍♂️👍🏽☕",
    "hi",
    "cat",
    "dog",
    "the coffee is cold " * 3,
]
STOP = [1]


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> Any:
    from pocketmoji.evaluate.runtimes.torch_runtime import load_model

    return load_model(tiny_model)


def test_batched_torch_is_torch_one_by_one(tiny_model: Path, model: Any) -> None:
    import torch

    from pocketmoji.evaluate.runtimes.torch_runtime import TorchRuntime

    done: list[int] = []
    batched = TorchRuntime(tiny_model, STOP, 16, 4, model=model).predict(TEXTS, done.append)
    assert sum(done) == len(TEXTS)
    assert [p.text for p in batched] == TEXTS
    tokenizer = load_tokenizer(tiny_model)
    for text, found in zip(TEXTS, batched, strict=True):
        ids = torch.tensor([prompt_tokens(tokenizer, [text])[0]])
        expected: list[int] = []
        while len(expected) < 16 and expected[-1:] != STOP:  # the plainest greedy decoding: no cache, no batch
            with torch.inference_mode():
                expected.append(
                    int(model(torch.cat([ids, torch.tensor([expected], dtype=torch.long)], 1)).logits[0, -1].argmax())
                )
        assert found.tokens == expected, text
        assert found.stopped == (expected[-1] == 1)
    assert len({tuple(p.tokens) for p in batched}) > 5  # the tiny model does not say one thing to everything
    assert any(p.stopped for p in batched) and not all(p.stopped for p in batched)


def test_the_shared_beginning_is_computed_once_and_changes_nothing(tmp_path: Path) -> None:
    """Within the window (wider here than the prompts) the prefix is shared; transformers' generate says the same."""
    from pocketmoji.evaluate.runtimes.greedy import common_prefix, fits
    from pocketmoji.evaluate.runtimes.torch_runtime import TorchRuntime
    from tests.tiny import make_tiny_model

    folder = make_tiny_model(tmp_path / "wide", sliding_window=256, random_seed=6)
    runtime = TorchRuntime(folder, STOP, 16, 4)
    babble = runtime.predict(TEXTS)
    runtime.stop_token_ids = stops = [babble[0].tokens[4], babble[3].tokens[2]]  # so that some answers stop
    prompts = prompt_tokens(runtime.tokenizer, TEXTS)
    prefix = common_prefix(prompts)
    assert fits(runtime.model, prompts, 16) and len(prefix) >= 10 and all(p[: len(prefix)] == prefix for p in prompts)
    seen: list[int] = []
    handle = runtime.model.get_input_embeddings().register_forward_hook(
        lambda _, args, __: seen.append(args[0].numel())
    )
    found = runtime.predict(TEXTS)
    handle.remove()
    assert sum(seen[:2]) < len(prefix) + 4 * max(map(len, prompts))  # the first batch came without its prefix
    assert seen[0] == len(prefix)
    for prompt, one in zip(prompts, found, strict=True):
        (generated,) = runtime._generate([prompt])
        expected = prediction(runtime.tokenizer, one.text, generated, stops, seconds=0.0)
        assert (one.tokens, one.raw, one.stopped) == (expected.tokens, expected.raw, expected.stopped), one.text
    lengths = {len(one.tokens) for one in found}
    assert len(lengths) > 1 and any(one.stopped for one in found)  # some left their batch before the others


def test_common_prefix_leaves_a_token_of_each() -> None:
    from pocketmoji.evaluate.runtimes.greedy import common_prefix

    assert common_prefix([[1, 2, 3], [1, 2, 4, 5]]) == [1, 2]
    assert common_prefix([[1, 2], [1, 2, 4]]) == [1] and common_prefix([[1, 2], [1, 2]]) == [1]
    assert common_prefix([[1], [2]]) == []


def test_a_handed_in_model_keeps_its_training_mode(tiny_model: Path, model: Any) -> None:
    from pocketmoji.evaluate.runtimes.torch_runtime import TorchRuntime

    model.train()
    TorchRuntime(tiny_model, STOP, 2, 4, model=model).predict(["hi"])
    assert model.training
    model.eval()


def test_the_prompt_is_tokenised_once_with_its_own_bos(tiny_model: Path) -> None:
    tokenizer = load_tokenizer(tiny_model)
    (ids,) = prompt_tokens(tokenizer, ["hi there"])
    assert ids.count(2) == 1 and ids[0] == 2
    assert tokenizer.decode(ids, skip_special_tokens=False) == render("hi there")


def test_raw_is_everything_before_the_first_stop_token(tiny_model: Path) -> None:
    tokenizer = load_tokenizer(tiny_model)
    party = tokenizer.encode("🎉 a", add_special_tokens=False).ids
    found = prediction(tokenizer, "t", [5, *party, 1, 7, 1], STOP, seconds=0.0)
    assert (found.raw, found.tokens, found.stopped) == ("<start_of_turn>🎉 a", [5, *party, 1], True)
    cut = prediction(tokenizer, "t", party, STOP, seconds=0.0)
    assert (cut.raw, cut.tokens, cut.stopped) == ("🎉 a", party, False)
    assert prediction(tokenizer, "t", [1], STOP, seconds=0.0).raw == ""


def test_missing_files_are_named(tmp_path: Path) -> None:
    from pocketmoji.evaluate.runtimes.onnx_runtime import OnnxRuntime

    with pytest.raises(InputError, match=r"tokenizer\.json"):
        load_tokenizer(tmp_path)
    with pytest.raises(InputError, match=r"model\.onnx"):
        OnnxRuntime(tmp_path / "model.onnx", tmp_path, STOP, 4, 4)
