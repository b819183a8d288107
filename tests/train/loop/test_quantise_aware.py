"""Training through a grid: the same numbers as the exporter's, and a merge that quantising does not change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketmoji.core.grid import PRECISIONS, Grid, quantise
from pocketmoji.train.loop.quantise_aware import fake_quantise, train_through_grid

GRIDS = [Grid(4, 32, False), Grid(4, 32), Grid(4, 128, False), Grid(8, 64), Grid(8, 32, False)]


def weights(rows: int = 24, columns: int = 256) -> Any:
    made = np.random.default_rng(1).normal(size=(rows, columns)).astype(np.float32)
    made[3, :128] = 0  # a block without a range
    made[4] = np.abs(made[4])  # blocks of one sign
    made[5, 7] = 40  # an outlier
    return made


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_training_and_export_round_alike(grid: Grid) -> None:
    import torch

    weight = weights()
    assert np.array_equal(fake_quantise(torch.from_numpy(weight), grid).numpy(), quantise(weight, grid).values)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_a_rounded_weight_keeps_its_levels(grid: Grid) -> None:
    once = quantise(weights(), grid)
    twice = quantise(once.values, grid)
    assert np.array_equal(once.packed, twice.packed)
    assert np.allclose(once.values, twice.values, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("name", "compute", "apart"), [("q4", None, 1e-5), ("q8", None, 1e-5), ("q4", "bfloat16", 1e-2)]
)
def test_gradients_are_those_of_the_rounded_weight(
    tiny_model: Path, name: str, compute: str | None, apart: float
) -> None:
    """Against torch's own derivative of W + (rounded - W).detach(), the definition of straight-through."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model: Any = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
    layer: Any = model.base_model.model.model.layers[0].mlp.down_proj
    frozen = layer.base_layer.weight.detach().clone()
    a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    grid = PRECISIONS[name].layers
    assert grid is not None
    x = torch.randn(2, 5, frozen.shape[1])

    merged = frozen + layer.scaling["default"] * b @ a
    through = merged + (fake_quantise(merged.detach(), grid) - merged.detach())
    expected = x @ through.T
    target = torch.randn_like(expected)
    to_a, to_b = torch.autograd.grad((expected * target).sum(), (a, b))

    train_through_grid(
        model, PRECISIONS[name], lambda base_layer: base_layer.weight, getattr(torch, compute) if compute else None
    )
    found = layer(x)
    got_a, got_b = torch.autograd.grad((found * target).sum(), (a, b))
    for got, wanted in ((found, expected), (got_a, to_a), (got_b, to_b)):
        assert got.dtype == wanted.dtype and (got - wanted).norm() < apart * wanted.norm()
    for factor in (a, b):
        factor.requires_grad_(False)
    for _ in range(2):  # computed once, then kept
        assert not layer(x).requires_grad and torch.equal(layer(x), found)
