"""Known traps of merging, saving and loading a tuned Gemma 3: each is sprung without its guard and caught with it.

The untrained <end_of_turn> is in test_base.py and test_qlora.py; quantising after training in test_quantise_aware.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pocketmoji.core.config import TrainConfig
from pocketmoji.core.errors import PreflightError
from pocketmoji.core.grid import PRECISIONS
from pocketmoji.core.records import Example
from pocketmoji.core.text.prompt import render
from pocketmoji.evaluate.runtimes.tokens import load_tokenizer, prompt_tokens
from pocketmoji.train.base.stop_token import StopToken
from pocketmoji.train.loop import nf4
from pocketmoji.train.loop.encoding import Encoded, encode
from pocketmoji.train.loop.precision import Precision
from pocketmoji.train.loop.preflight import check_encoding

CPU = Precision("cpu", "float32", "a test")
TEXTS = ["pizza", "my cat is sleeping on me and the coffee is cold"]


@pytest.fixture(scope="module")
def adapted(tiny_model: Path) -> Any:
    """The tiny model in NF4 with an adapter that does something."""
    import torch

    model = nf4.load_nf4(tiny_model, CPU, TrainConfig(lora_rank=4), PRECISIONS["fp32"])
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter.data, std=0.02)
    return model.eval()


@pytest.fixture(scope="module")
def merged(adapted: Any, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("merged")
    nf4.merge(adapted, tiny_model, folder, PRECISIONS["fp32"])
    return folder


def logits(model: Any) -> Any:
    import torch

    with torch.no_grad():
        return model(torch.tensor([[2, 20, 30, 40, 50]])).logits


def loaded(folder: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def largest_difference(a: Any, b: Any) -> float:
    return float((a - b).abs().max())


def test_a_head_that_is_no_longer_tied(
    adapted: Any, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    import transformers

    real = transformers.AutoModelForCausalLM.from_pretrained

    def untied(*given: Any, **named: Any) -> Any:
        model = real(*given, **named)
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
        return model

    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", untied)
    with pytest.raises(RuntimeError, match="no longer tied"):
        nf4.merge(adapted, tiny_model, tmp_path, PRECISIONS["fp32"])


def test_a_merge_in_bfloat16_drifts(adapted: Any, merged: Path) -> None:
    import torch

    exact = largest_difference(logits(adapted), logits(loaded(merged)))
    rounded = loaded(merged)
    with torch.no_grad():
        for parameter in rounded.parameters():
            parameter.copy_(parameter.bfloat16().float())
    assert exact < 1e-4 < 20 * exact + 1e-3 < largest_difference(logits(adapted), logits(rounded))


def test_a_merge_into_weights_that_were_not_trained_against_drifts(
    adapted: Any, merged: Path, tiny_model: Path
) -> None:
    """The adapter was trained beside NF4 values; beside the original ones it says something else."""
    import torch

    other = loaded(tiny_model)
    targets = dict(other.named_modules())
    with torch.no_grad():
        for name, layer in adapted.base_model.model.named_modules():
            if hasattr(layer, "lora_A"):
                targets[name].weight += layer.get_delta_weight("default")
    exact = largest_difference(logits(adapted), logits(loaded(merged)))
    assert exact < 1e-4 < 1e-2 < largest_difference(logits(adapted), logits(other))


def test_an_embedding_that_is_not_scaled(tiny_model: Path, tmp_path: Path) -> None:
    """Gemma multiplies embeddings by the root of the hidden size; a graph that does not is no longer torch's model."""
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import numpy_helper

    from pocketmoji.export.onnx.folder import export_onnx

    [file] = export_onnx(tiny_model, tmp_path, ["fp32"])

    def onnx_logits(path: Path) -> Any:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        tokens = np.array([[2, 20, 30, 40, 50]])
        feed: dict[str, Any] = {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}
        feed["num_logits_to_keep"] = np.array(0)
        for item in session.get_inputs():
            if item.name.startswith("past_key_values"):
                feed[item.name] = np.zeros((1, item.shape[1], 0, item.shape[3]), np.float32)
        return session.run(["logits"], feed)[0]

    expected = logits(loaded(tiny_model)).numpy()
    assert np.allclose(onnx_logits(file), expected, atol=1e-3)
    graph = onnx.load(file)
    for tensor in graph.graph.initializer:
        if tensor.name == "embedding_scale":
            tensor.CopyFrom(numpy_helper.from_array(np.array(1, np.float32), tensor.name))
    unscaled = tmp_path / "unscaled.onnx"
    onnx.save(graph, unscaled)
    assert np.abs(onnx_logits(unscaled) - expected).max() > 0.05


def test_padding_on_the_right_changes_answers(tiny_model: Path) -> None:
    import torch

    from pocketmoji.evaluate.runtimes.torch_runtime import TorchRuntime

    alone = [TorchRuntime(tiny_model, [1], 8, 1).predict([text])[0].tokens for text in TEXTS]
    together = [prediction.tokens for prediction in TorchRuntime(tiny_model, [1], 8, 2).predict(TEXTS)]
    assert together == alone
    prompts = prompt_tokens(load_tokenizer(tiny_model), TEXTS)
    longest = max(map(len, prompts))
    ids = torch.tensor([prompt + [0] * (longest - len(prompt)) for prompt in prompts])
    mask = torch.tensor([[1] * len(prompt) + [0] * (longest - len(prompt)) for prompt in prompts])
    padded = loaded(tiny_model).generate(
        input_ids=ids, attention_mask=mask, max_new_tokens=8, do_sample=False, eos_token_id=1, pad_token_id=0
    )
    assert padded[0, longest:].tolist()[: len(alone[0])] != alone[0]


def test_bos_twice(tiny_model: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(tiny_model)
    example = Example(text="pizza friday", emoji="🍕", seed_id="p", origin="seed")
    stop = StopToken("<eos>", 0.0, "a test")
    right = encode(tokenizer, example, 1, 256)
    check_encoding(tokenizer, [example], [right], stop)
    # What a tokenizer gives by default: its own <bos> before the prompt's.
    doubled = Encoded(tokenizer(render(example.text)).input_ids + right.tokens[-right.answer :], right.answer)
    with pytest.raises(PreflightError, match="exactly one <bos>"):
        check_encoding(tokenizer, [example], [doubled], stop)
