"""Training through the grid that the web artefact is written in, so that quantising afterwards changes nothing.

Each linear layer multiplies by its merged weight (base plus adapter) rounded to the grid; gradients pass the rounding
as if it were not there (straight-through estimator, Bengio et al. 2013, arXiv:1308.3432) and reach the adapter's two
factors without a gradient of the size of the weight. The table is rounded once, before the first step: it is not
trained. Grids are idempotent up to the last bit of a scale: the merged model, written as rounded values, is read back
as the same levels by `export`.
"""

from __future__ import annotations

from typing import Any

from pocketmoji.core.grid import Grid, Precision


def fake_quantise(weight: Any, grid: Grid) -> Any:
    """What core.grid.quantise(weight, grid).values gives, for a float32 torch tensor [out, in] on any device."""
    import torch

    grid = grid.fit(weight.shape[1])
    blocks = weight.reshape(weight.shape[0], -1, grid.block)
    if grid.symmetric:
        extreme = blocks.gather(-1, blocks.abs().argmax(-1, keepdim=True))
        scales = extreme / -(1 << (grid.bits - 1))
        zeros: Any = torch.full_like(scales, 1 << (grid.bits - 1))
    else:
        low, high = blocks.aminmax(dim=-1, keepdim=True)
        low, high = low.clamp_(max=0), high.clamp_(min=0)
        scales = (high - low) / grid.top
        zeros = (-low / torch.where(scales == 0, 1.0, scales)).round_()
    steps = blocks / torch.where(scales == 0, 1.0, scales)
    levels = steps.add_(zeros).round_().clamp_(0, grid.top)
    return levels.sub_(zeros).mul_(scales).reshape(weight.shape)


def train_through_grid(model: Any, precision: Precision, read_weight: Any, compute: Any = None) -> None:
    """Make every LoRA layer of a peft model compute through `precision.layers`, and round the table to its grid.

    `read_weight(base_layer)` gives a layer's frozen weight as float32 [out, in]; `compute` is the torch dtype to
    multiply in (None: the input's).
    """
    import torch

    def rounded(a: Any, b: Any, frozen: Any, scaling: float) -> Any:
        return fake_quantise(torch.addmm(frozen, b, a, alpha=scaling), precision.layers)  # type: ignore[arg-type]

    class ThroughGrid(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, a: Any, b: Any, frozen: Any, scaling: float) -> Any:
            dtype = compute or x.dtype
            weight = rounded(a, b, frozen, scaling).to(dtype)
            ctx.save_for_backward(x, a, b, weight)
            ctx.scaling = scaling
            return (x.to(dtype) @ weight.T).to(x.dtype)

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            x, a, b, weight = ctx.saved_tensors
            out = gradients[0].to(weight.dtype)
            rows_out, rows_in = out.reshape(-1, out.shape[-1]), x.reshape(-1, x.shape[-1]).to(weight.dtype)
            to_a = (rows_out @ b.to(weight.dtype)).T @ rows_in
            to_b = rows_out.T @ (rows_in @ a.to(weight.dtype).T)
            to_both = [gradient.to(a.dtype).mul_(ctx.scaling) for gradient in (to_a, to_b)]
            return (out @ weight).to(x.dtype), *to_both, None, None

    def through_grid(layer: Any) -> Any:
        kept: list[Any] = []  # the rounded weight of a layer that is not tuned

        def forward(x: Any, *_: Any, **__: Any) -> Any:
            a, b, scaling = layer.lora_A["default"].weight, layer.lora_B["default"].weight, layer.scaling["default"]
            if a.requires_grad:
                return ThroughGrid.apply(x, a, b, read_weight(layer.base_layer), scaling)
            if not kept:
                kept.append(rounded(a, b, read_weight(layer.base_layer), scaling).to(compute or x.dtype))
            return (x.to(kept[0].dtype) @ kept[0].T).to(x.dtype)

        return forward

    if precision.layers is not None:
        for module in model.modules():
            if hasattr(module, "lora_A") and hasattr(module, "base_layer"):
                module.forward = through_grid(module)
    if precision.table is not None:
        table = model.get_input_embeddings().weight
        with torch.no_grad():
            table.copy_(fake_quantise(table.float(), precision.table))


def round_to_grid(name: str, weight: Any, precision: Precision) -> Any:
    """A merged weight as the artefact stores it: linear layers and the table on their grids, all else as it is."""
    if name.endswith("embed_tokens.weight"):
        grid = precision.table
    elif name.endswith("_proj.weight"):
        grid = precision.layers
    else:
        grid = None
    return fake_quantise(weight.float(), grid) if grid else weight
