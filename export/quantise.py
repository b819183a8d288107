"""Block quantisation of weight matrices in the layout of ONNX Runtime's MatMulNBits operator.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulNBits: a weight
[out, in] is cut into blocks along `in`; each block has one scale and, if asymmetric, one zero point.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Grid:
    """How a matrix is quantised: bits (4 or 8), weights per block, with or without zero points."""

    bits: int
    block: int
    symmetric: bool = True

    def fit(self, columns: int) -> Grid:
        """The same grid with its block halved until it divides `columns` (32 is the smallest that runtimes know)."""
        block = self.block
        while block > 32 and columns % block:
            block //= 2
        return replace(self, block=block)


@dataclass(frozen=True)
class Quantised:
    """`packed` [out, blocks, block * bits / 8], `scales` [out, blocks], `zeros` [out, blocks * bits / 8] or None
    (then the zero point is 2^(bits-1)), `values`: what the runtime reads back, [out, in]."""

    packed: Bytes
    scales: Floats
    zeros: Bytes | None
    values: Floats


def quantise(weight: Floats, grid: Grid) -> Quantised:
    """Round to nearest. The signed extreme of a symmetric block falls on the grid's end exactly."""
    rows, columns = weight.shape
    if columns % grid.block:
        raise ValueError(f"{columns} columns are no multiple of the block size {grid.block}")
    blocks = weight.reshape(rows, columns // grid.block, grid.block).astype(np.float32)
    top = (1 << grid.bits) - 1
    if grid.symmetric:
        middle = 1 << (grid.bits - 1)
        extreme = np.take_along_axis(blocks, np.abs(blocks).argmax(-1, keepdims=True), -1)
        scales = extreme / -middle
        zeros = np.full_like(scales, middle)
    else:
        low = np.minimum(blocks.min(-1, keepdims=True), 0)
        high = np.maximum(blocks.max(-1, keepdims=True), 0)
        scales = (high - low) / top
        zeros = np.rint(np.divide(-low, scales, out=np.zeros_like(low), where=scales != 0))
    steps = np.divide(blocks, scales, out=np.zeros_like(blocks), where=scales != 0)
    levels = np.clip(np.rint(steps + zeros), 0, top)
    values = ((levels - zeros) * scales).reshape(rows, columns).astype(np.float32)
    return Quantised(
        packed=_pack(levels.astype(np.uint8), grid.bits),
        scales=scales[..., 0].astype(np.float32),
        zeros=None if grid.symmetric else _pack(zeros[..., 0].astype(np.uint8), grid.bits),
        values=values,
    )


def _pack(levels: Bytes, bits: int) -> Bytes:
    """Two 4-bit levels to a byte, the first in the low half; 8-bit levels as they are."""
    if bits == 8:
        return np.ascontiguousarray(levels)
    if levels.shape[-1] % 2:
        levels = np.concatenate([levels, np.zeros_like(levels[..., :1])], -1)
    return np.ascontiguousarray(levels[..., 0::2] | (levels[..., 1::2] << 4))
