"""Ways of rounding a weight to a grid after training, for a model that was not trained through it.

`nearest` takes the block's range as it is. `clipped` gives up a block's extremes where that lowers the squared error of
its weights. `compensated` is GPTQ (Frantar et al. 2023, arXiv:2210.17323): columns are rounded one after another, and
what a column's rounding does to the layer's output on calibration texts is made good in the columns after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pocketmoji.core.grid import PRECISIONS, Floats, Grid, Quantised, fit_blocks, levels_of, pack, quantise
from pocketmoji.core.workspace import read_json

Way = Literal["auto", "nearest", "clip", "gptq"]
# Turns the weight of that name, [out, in], into its quantised form.
Rounding = Callable[[str, Floats, Grid], Quantised]
CALIBRATION = "calibration.json"
SHRINKS = np.linspace(1.0, 0.6, 17, dtype=np.float32)
DAMPING = 0.01  # of the mean of the Hessian's diagonal, as in the paper


def choose_rounding(way: Way, model: Path, precision: str) -> tuple[Rounding, str]:
    """The rounding of a model's layers for an artefact, and the reason.

    "auto" is nearest for a model that was trained through the artefact's own grid and for 8 bits, else GPTQ on the
    calibration rows that `train` left in the folder.
    """
    about = read_json(model / "training.json") if (model / "training.json").is_file() else {}
    rows = model / CALIBRATION
    layers = PRECISIONS[precision].layers
    if layers is None or layers.bits == 8:
        return nearest, ""  # nothing is gained by more
    if way == "nearest":
        return nearest, "nearest"
    if way == "auto" and layers == PRECISIONS[about.get("quantise", "fp32")].layers:
        return nearest, "nearest: the model was trained through this grid"
    if way == "clip" or not rows.is_file():
        return clipped, "clip search" if way == "clip" else f"clip search: {CALIBRATION} for GPTQ is not there"
    return compensated(layer_hessians(model, read_json(rows))), "GPTQ: the model was not trained through this grid"


def nearest(name: str, weight: Floats, grid: Grid) -> Quantised:
    return quantise(weight, grid)


def clipped(name: str, weight: Floats, grid: Grid) -> Quantised:
    blocks = weight.reshape(len(weight), -1, grid.block).astype(np.float32)
    return quantise(weight, grid, best_shrink(blocks, grid))


def best_shrink(blocks: Floats, grid: Grid) -> Floats:
    """Of SHRINKS, the one with the smallest squared error for each block, [out, blocks, 1]."""
    best = np.full((*blocks.shape[:2], 1), np.inf, np.float32)
    chosen = np.ones_like(best)
    for shrink in SHRINKS:
        scales, zeros = fit_blocks(blocks, grid, shrink)
        rounded = (levels_of(blocks, scales, zeros, grid) - zeros) * scales
        error = np.square(rounded - blocks).sum(-1, keepdims=True)
        chosen = np.where(error < best, shrink, chosen)
        best = np.minimum(error, best)
    return chosen


def compensated(hessians: Mapping[str, NDArray[np.float64]]) -> Rounding:
    """GPTQ with the given Hessians (X^T X of each layer's inputs, [in, in]); a weight without one is `clipped`."""

    def rounding(name: str, weight: Floats, grid: Grid) -> Quantised:
        if name not in hessians:
            return clipped(name, weight, grid)
        return _gptq(weight, hessians[name], grid)

    return rounding


def _gptq(weight: Floats, hessian: NDArray[np.float64], grid: Grid) -> Quantised:
    work = weight.astype(np.float32).copy()
    rows, columns = work.shape
    damped = hessian + np.eye(columns) * max(DAMPING * float(np.diag(hessian).mean()), 1e-12)
    upper = np.linalg.cholesky(np.linalg.inv(damped)).T.astype(np.float32)
    levels = np.empty((rows, columns // grid.block, grid.block), np.float32)
    scales, zeros = np.empty((2, rows, columns // grid.block, 1), np.float32)
    for number, start in enumerate(range(0, columns, grid.block)):
        end = start + grid.block
        block = work[:, start:end].copy()
        one = block[:, None, :]
        scale, zero = fit_blocks(one, grid, best_shrink(one, grid))
        scales[:, number], zeros[:, number] = scale[:, 0], zero[:, 0]
        errors = np.empty_like(block)
        for i in range(grid.block):
            column = block[:, i].copy()
            level = levels_of(column[:, None, None], scale, zero, grid)
            levels[:, number, i] = level[:, 0, 0]
            rounded = ((level - zero) * scale)[:, 0, 0]
            errors[:, i] = (column - rounded) / upper[start + i, start + i]
            block[:, i:] -= np.outer(errors[:, i], upper[start + i, start + i : end])
        work[:, end:] -= errors @ upper[start:end, end:]
    return pack(levels, scales, zeros, grid)


def layer_hessians(model: Path, rows: Sequence[Sequence[int]]) -> dict[str, NDArray[np.float64]]:
    """X^T X of the inputs of every linear layer over the token rows, by the name of its weight in the checkpoint."""
    import torch
    from transformers import AutoModelForCausalLM

    loaded: Any = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()
    sums: dict[str, Any] = {}
    seen: list[Any] = [None, ""]  # q, k and v read the same tensor, one after another, and so do gate and up
    same_as: dict[str, str] = {}

    def watch(name: str) -> Callable[..., None]:
        def hook(_: Any, inputs: tuple[Any, ...]) -> None:
            if inputs[0] is seen[0]:
                same_as[name] = seen[1]
                return
            seen[:] = inputs[0], name
            x = inputs[0].reshape(-1, inputs[0].shape[-1])
            if name not in sums:
                sums[name] = torch.zeros(x.shape[1], x.shape[1])
            sums[name].addmm_(x.T, x)

        return hook

    for name, module in loaded.model.layers.named_modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_pre_hook(watch(f"model.layers.{name}.weight"))
    with torch.inference_mode():
        for row in rows:
            loaded.model(torch.tensor([row]), use_cache=False)
    found = {name: total.double().numpy() for name, total in sums.items()}
    return found | {name: found[first] for name, first in same_as.items()}
