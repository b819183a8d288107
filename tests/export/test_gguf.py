"""The GGUF file, read back by transformers: the same weights, tokens and answers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.core.errors import InputError
from pocketmoji.core.text.prompt import PHRASE_TEMPLATE, render
from pocketmoji.core.workspace import read_json, write_json
from pocketmoji.export.gguf_file import export_gguf

TEXTS = ["what a fun party", "my cat is sleeping on me and the coffee is cold", "pizza\n\nand 🎉 👨‍👩‍👧"]


@pytest.fixture(scope="module")
def model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with what llama.cpp takes for granted: its order of layers and its scale of attention."""
    folder = tmp_path_factory.mktemp("gguf") / "model"
    shutil.copytree(tiny_model, folder)
    config = read_json(folder / "config.json")
    config |= {"layer_types": ["sliding_attention"] * config["num_hidden_layers"]}
    write_json(folder / "config.json", config | {"query_pre_attn_scalar": config["head_dim"]})
    return folder


@pytest.fixture(scope="module")
def files(model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("gguf")
    return {path.stem.removeprefix("model-"): path for path in export_gguf(model, folder)}


@pytest.mark.parametrize(("name", "least"), [("F16", 0.99999), ("Q8_0", 0.999), ("Q4_1", 0.9)])
def test_logits_read_back(model: Path, files: dict[str, Path], name: str, least: float) -> None:
    import numpy as np
    import torch
    from transformers import AutoModelForCausalLM

    tokens = torch.randint(10, 300, (1, 40), generator=torch.Generator().manual_seed(0))
    logits = []
    for source in ({}, {"gguf_file": files[name].name}):
        folder = files[name].parent if source else model
        loaded: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **source).eval()
        for layer in loaded.model.layers:  # transformers takes Gemma's own head_dim of 256 for granted
            layer.self_attn.scaling = loaded.config.head_dim**-0.5
        with torch.no_grad():
            logits.append(loaded(tokens).logits.numpy().ravel())
    assert np.corrcoef(*logits)[0, 1] > least


def test_prompt_tokens_and_template_read_back(model: Path, files: dict[str, Path]) -> None:
    from gguf import GGUFReader
    from transformers import AutoTokenizer

    ours: Any = AutoTokenizer.from_pretrained(model)
    read: Any = AutoTokenizer.from_pretrained(files["F16"].parent, gguf_file=files["F16"].name)
    for text in TEXTS:
        prompt = render(text)
        assert read(prompt, add_special_tokens=False).input_ids == ours(prompt, add_special_tokens=False).input_ids
    fields = GGUFReader(files["F16"]).fields
    assert fields["tokenizer.chat_template"].contents() == PHRASE_TEMPLATE
    assert fields["tokenizer.ggml.eos_token_id"].contents() == 1


def test_same_bytes_twice(model: Path, files: dict[str, Path], tmp_path: Path) -> None:
    [again] = export_gguf(model, tmp_path, ["Q8_0"])
    assert again.read_bytes() == files["Q8_0"].read_bytes()


def test_an_unknown_type(model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Q3_K"):
        export_gguf(model, tmp_path, ["Q3_K"])


def test_what_llama_cpp_would_get_wrong_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="order"):
        export_gguf(tiny_model, tmp_path)
