"""What a model's activations reach, and what of it half precision cannot hold.

Half precision ends at 65,504. Beyond it a number becomes infinite, then NaN, and the model answers with nothing or with
token -1, on GPUs only: nobody's export notices. So the merged model is run on texts of the run in 32-bit floats first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HALF_LIMIT = 65_504.0
HEADROOM = 4.0  # texts that were not tried may reach further


@dataclass(frozen=True)
class Reach:
    """The largest absolute value that came out of a module; "model.layers.3" is the residual stream after layer 3."""

    module: str
    largest: float


@dataclass(frozen=True)
class Numerics:
    """`over`: modules that pass half precision's limit; `half`: what it means for half-precision exports."""

    texts: int
    largest: Reach
    over: list[Reach]
    half: str


def probe(model: Path, rows: Sequence[Sequence[int]]) -> Numerics:
    """Run the merged model in `model` on rows of token ids and record what every module's output reaches."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    loaded: Any = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()
    largest: dict[str, float] = {}

    def watch(name: str) -> Any:
        def hook(_: Any, __: Any, output: Any) -> None:
            tensor = output[0] if isinstance(output, tuple) else output
            if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
                largest[name] = max(largest.get(name, 0.0), float(tensor.abs().max()))

        return hook

    for name, module in loaded.named_modules():
        if name.startswith("model.") and "rotary" not in name:
            module.register_forward_hook(watch(name))
    with torch.inference_mode():
        for row in rows:
            loaded(torch.tensor([list(row)]), use_cache=False)
    return judge([Reach(name, value) for name, value in largest.items()], len(rows))


def judge(reached: Sequence[Reach], texts: int) -> Numerics:
    """Whether half precision would hold what was reached, with HEADROOM to spare."""
    ordered = sorted(reached, key=lambda one: -one.largest)
    over = [one for one in ordered if one.largest > HALF_LIMIT]
    top = ordered[0]
    if over:
        half = f"refused: {len(over)} modules pass {HALF_LIMIT:,.0f}, the worst {top.module} with {top.largest:,.0f}"
    elif top.largest * HEADROOM > HALF_LIMIT:
        half = f"refused: {top.module} reaches {top.largest:,.0f}, too near to {HALF_LIMIT:,.0f} for other texts"
    else:
        half = f"safe: {top.module} reaches {top.largest:,.0f} at most, of {HALF_LIMIT:,.0f}"
    return Numerics(texts, top, over, half)
