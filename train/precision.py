"""Which number format the training computes in, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Precision:
    """`dtype` is torch's name of the compute format; `device` is cuda or cpu."""

    device: str
    dtype: str
    reason: str

    @property
    def torch_dtype(self) -> Any:
        import torch

        return getattr(torch, self.dtype)


def choose_precision() -> Precision:
    import torch

    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Precision("cuda", "bfloat16", f"{name} computes bfloat16 natively")
        return Precision("cuda", "float32", f"{name} has no bfloat16, and Gemma 3's activations overflow float16")
    return Precision("cpu", "float32", "a CPU trains in 32 bits, as exactly as it answers afterwards")
