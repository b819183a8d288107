"""Which number format the training computes in, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Precision:
    """`dtype` is torch's name of the format that weights and activations are in; `device` is cuda or cpu. `products`
    is the format in which linear layers multiply while they are trained through a grid; sums are in 32 bits anyway."""

    device: str
    dtype: str
    reason: str
    products: str = ""

    @property
    def torch_dtype(self) -> Any:
        import torch

        return getattr(torch, self.dtype)

    @property
    def torch_products(self) -> Any:
        import torch

        return getattr(torch, self.products or self.dtype)


def choose_precision() -> Precision:
    import torch

    exactly = "trained in 32 bits, as exactly as it answers afterwards"
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Precision("cuda", "float32", f"{exactly}; {name} multiplies in bfloat16 natively", "bfloat16")
        return Precision("cuda", "float32", f"{exactly}; {name} has no bfloat16")
    if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported():
        # Half the time for the products, which are half of a step; nothing that is added up is rounded.
        return Precision("cpu", "float32", f"{exactly}; this one multiplies in bfloat16 natively", "bfloat16")
    return Precision("cpu", "float32", exactly)
