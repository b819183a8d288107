"""The base in NF4 with an adapter on it, and the merge that reads it back as it was trained."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pocketmoji.core.config import TrainConfig
from pocketmoji.core.grid import Precision as WeightGrid
from pocketmoji.core.workspace import read_json, write_json
from pocketmoji.train.loop import processes
from pocketmoji.train.loop.precision import Precision
from pocketmoji.train.loop.quantise_aware import round_to_grid, train_through_grid


def load_nf4(base: Path, precision: Precision, config: TrainConfig, grid: WeightGrid) -> Any:
    """The base with its linear layers in NF4 and a LoRA adapter on each of them, to be trained through `grid`."""
    import torch
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    quantization = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=precision.torch_dtype,
    )
    model = AutoModelForCausalLM.from_pretrained(
        base,
        quantization_config=quantization,
        dtype=precision.torch_dtype,
        attn_implementation="sdpa",
        device_map={"": processes.device() if precision.device == "cuda" else precision.device},
    )
    model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    if precision.device == "cpu" and not grid.layers:
        unpack_nf4(model)
    torch.manual_seed(config.random_seed)
    lora = LoraConfig(
        r=config.lora_rank,
        lora_alpha=2 * config.lora_rank,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(model, lora)
    train_through_grid(model, grid, dequantised, precision.torch_products)
    return model


def freeze_lowest(model: Any, share: float) -> None:
    """Leave the adapter of the lowest `share` of the layers as it is: a list changes what words mean, which the upper
    ones say, and no gradient need go below them."""
    layers = model.get_base_model().model.layers
    for layer in layers[: round(share * len(layers))]:
        layer.requires_grad_(False)


def dequantised(layer: Any) -> Any:
    """The weight of a linear layer as a float32 tensor, read back from NF4 if it is in NF4."""
    import bitsandbytes as bnb

    if isinstance(layer, bnb.nn.Linear4bit):
        packed: Any = layer.weight
        return bnb.functional.dequantize_4bit(packed.data, packed.quant_state).float()
    return layer.weight.data.float()


def unpack_nf4(model: Any) -> None:
    """Replace NF4 layers by plain ones of the same values.

    On a CPU with AVX-512 bitsandbytes repacks an NF4 weight when the layer is first used outside of training, and what
    is read back from it then is another weight. Layers that compute through a grid never use it.
    """
    import bitsandbytes as bnb
    from torch import nn

    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, bnb.nn.Linear4bit):
                plain = nn.Linear(child.in_features, child.out_features, bias=False, device="meta")
                plain.weight = nn.Parameter(dequantised(child).to(child.compute_dtype), requires_grad=False)
                setattr(module, name, plain)


def merge(trained: Any, base: Path, folder: Path, grid: WeightGrid) -> None:
    """Write the model as it was trained: NF4 weights read back to 32-bit floats, plus the adapter, on the grid that it
    was trained through; embedding tied."""
    import torch
    from transformers import AutoModelForCausalLM

    merged = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    targets = dict(merged.named_modules())
    with torch.no_grad():
        for name, layer in trained.base_model.model.named_modules():
            if not hasattr(layer, "lora_A"):
                continue
            weight = dequantised(layer.base_layer) + layer.get_delta_weight("default").float()
            targets[name].weight.copy_(round_to_grid(f"{name}.weight", weight.cpu(), grid))
        table = merged.model.embed_tokens.weight
        table.copy_(round_to_grid("embed_tokens.weight", table, grid))
    if merged.lm_head.weight.data_ptr() != merged.model.embed_tokens.weight.data_ptr():
        raise RuntimeError("the merged model's head is no longer tied to its embedding")
    merged.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json", "config.json"):
        shutil.copyfile(base / name, folder / name)
    config = read_json(folder / "config.json")
    write_json(folder / "config.json", {**config, "dtype": "float32"})
