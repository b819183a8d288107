"""Which number format the training computes in, and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
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
    flags = cpu_flags()
    if flags & {"amx_bf16", "avx512_bf16"}:
        return Precision("cpu", "bfloat16", "this CPU has bfloat16 instructions")
    return Precision("cpu", "float32", "this CPU has no bfloat16 instructions, so bfloat16 would be emulated")


def cpu_flags() -> set[str]:
    """Instruction set extensions by the kernel's names; empty where /proc/cpuinfo does not tell."""
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return set()
    for line in path.read_text().splitlines():
        if line.startswith(("flags", "Features")):
            return set(line.split(":", 1)[1].split())
    return set()
