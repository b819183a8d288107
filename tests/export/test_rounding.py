"""Rounding after training: each way keeps to the grid, and beats the plainer one at what it is for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketmoji.core.grid import Grid
from pocketmoji.export.onnx.rounding import clipped, compensated, layer_hessians, nearest

GRIDS = [Grid(4, 32, False), Grid(4, 32), Grid(4, 128, False), Grid(4, 128)]


def layer() -> tuple[Any, Any]:
    """A weight, and inputs whose columns are correlated, as a model's are."""
    rng = np.random.default_rng(3)
    weight = rng.standard_t(4, size=(48, 256)).astype(np.float32)
    inputs = rng.normal(size=(400, 40)) @ rng.normal(size=(40, 256)) + 0.1 * rng.normal(size=(400, 256))
    return weight, inputs


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_clipping_lowers_the_error_of_the_weights(grid: Grid) -> None:
    weight, _ = layer()
    plain, better = (np.square(way("w", weight, grid).values - weight).mean() for way in (nearest, clipped))
    assert better < plain


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_compensation_lowers_the_error_of_the_outputs(grid: Grid) -> None:
    weight, inputs = layer()
    gptq = compensated({"w": inputs.T @ inputs})
    errors = [np.square(inputs @ (way("w", weight, grid).values - weight).T).mean() for way in (nearest, clipped, gptq)]
    assert errors[2] < 0.5 * min(errors[:2])


def test_packed_levels_are_what_is_read_back() -> None:
    weight, inputs = layer()
    made = compensated({"w": inputs.T @ inputs})("w", weight, Grid(4, 32, False))
    assert made.zeros is not None
    levels = np.stack([made.packed & 15, made.packed >> 4], -1).reshape(48, 8, 32).astype(np.float32)
    zeros = np.stack([made.zeros & 15, made.zeros >> 4], -1).reshape(48, -1)[:, :8].astype(np.float32)
    read = (levels - zeros[..., None]) * made.scales[..., None]
    assert np.allclose(read.reshape(48, 256), made.values)


def test_hessians_of_every_linear_layer(tiny_model: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    rows = [[2, 10, 11, 12], [2, 30]]
    found = layer_hessians(tiny_model, rows)
    model: Any = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval()
    seen: dict[str, list[Any]] = {name: [] for name in found}
    for name, rows_seen in seen.items():
        layer = model.get_submodule(name.removesuffix(".weight"))
        layer.register_forward_pre_hook(lambda _, inputs, rows_seen=rows_seen: rows_seen.append(inputs[0][0].clone()))
    with torch.no_grad():
        for row in rows:
            model(torch.tensor([row]))
    for name, inputs in seen.items():
        x = torch.cat(inputs).numpy()
        assert np.allclose(found[name], x.T @ x, rtol=1e-3, atol=1e-3 * np.abs(found[name]).max()), name
    from pocketmoji.core.workspace import read_json

    config = read_json(tiny_model / "config.json")
    assert len(found) == 7 * config["num_hidden_layers"]
    for name, hessian in found.items():
        assert np.allclose(hessian, hessian.T), name
        assert np.linalg.eigvalsh(hessian).min() > -1e-3 * np.abs(hessian).max()
    same = [found[f"model.layers.0.self_attn.{part}_proj.weight"] for part in "qkv"]
    assert np.array_equal(same[0], same[1]) and np.array_equal(same[0], same[2])
