"""The grids that weights are quantised to, in the layout of ONNX Runtime's MatMulNBits operator.

Training through a grid and writing an artefact in it must mean the same numbers, so both read them here.
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

    def __str__(self) -> str:
        return f"{self.bits} bits in {'' if self.symmetric else 'a'}symmetric blocks of {self.block}"

    @property
    def top(self) -> int:
        """The highest level; the lowest is 0."""
        return (1 << self.bits) - 1

    def fit(self, columns: int) -> Grid:
        """The same grid with its block halved until it divides `columns` (32 is the smallest that runtimes know)."""
        block = self.block
        while block > 32 and columns % block:
            block //= 2
        return replace(self, block=block)


@dataclass(frozen=True)
class Precision:
    """How an artefact stores its weights; None is 32-bit floats. `name` begins with a dtype of Transformers.js."""

    name: str
    layers: Grid | None
    table: Grid | None
    halves: bool = False
    """For the runtime of Transformers.js 3: the table in two halves of 4 bits (export/onnx/table.py)."""

    @property
    def dtype(self) -> str:
        """What Transformers.js calls it: by this it finds the file."""
        return self.name.split("-")[0]


Q4 = Precision("q4", Grid(bits=4, block=128, symmetric=False), Grid(bits=8, block=128))
# By the size of their files.
PRECISIONS = {
    "q4": Q4,
    "q4-v3": replace(Q4, name="q4-v3", halves=True),
    "q4-32": Precision("q4-32", Grid(bits=4, block=32, symmetric=False), Grid(bits=8, block=128)),
    "q8": Precision("q8", Grid(bits=8, block=128), Grid(bits=8, block=128)),
    "fp32": Precision("fp32", None, None),
}


@dataclass(frozen=True)
class Quantised:
    """`packed` [out, blocks, block * bits / 8], `scales` [out, blocks], `zeros` [out, blocks * bits / 8] or None
    (then the zero point is 2^(bits-1)), `values`: what the runtime reads back, [out, in]."""

    packed: Bytes
    scales: Floats
    zeros: Bytes | None
    values: Floats


def quantise(weight: Floats, grid: Grid, shrink: float | Floats = 1.0) -> Quantised:
    """Round to nearest. The signed extreme of a symmetric block falls on the grid's end exactly.

    `shrink` below 1 clips a block's extremes for finer steps between them: one number, or [out, blocks, 1].
    """
    rows, columns = weight.shape
    if columns % grid.block:
        raise ValueError(f"{columns} columns are no multiple of the block size {grid.block}")
    blocks = weight.reshape(rows, columns // grid.block, grid.block).astype(np.float32)
    scales, zeros = fit_blocks(blocks, grid, shrink)
    return pack(levels_of(blocks, scales, zeros, grid), scales, zeros, grid)


def fit_blocks(blocks: Floats, grid: Grid, shrink: float | Floats = 1.0) -> tuple[Floats, Floats]:
    """Scales and zero points, both [out, blocks, 1], that span the range of `blocks` [out, blocks, block]."""
    shrink = np.asarray(shrink, np.float32)
    if grid.symmetric:
        middle = 1 << (grid.bits - 1)
        extreme = np.take_along_axis(blocks, np.abs(blocks).argmax(-1, keepdims=True), -1)
        scales: Floats = (extreme / -middle * shrink).astype(np.float32)
        return scales, np.full_like(scales, middle)
    low = np.minimum(blocks.min(-1, keepdims=True), 0) * shrink
    high = np.maximum(blocks.max(-1, keepdims=True), 0) * shrink
    scales = ((high - low) / grid.top).astype(np.float32)
    return scales, np.rint(np.divide(-low, scales, out=np.zeros_like(low), where=scales != 0))


def levels_of(blocks: Floats, scales: Floats, zeros: Floats, grid: Grid) -> Floats:
    """The nearest levels, 0 to grid.top; a block whose scale is 0 is all zeros."""
    steps = np.divide(blocks, scales, out=np.zeros_like(blocks), where=scales != 0)
    return np.clip(np.rint(steps + zeros), 0, grid.top)


def pack(levels: Floats, scales: Floats, zeros: Floats, grid: Grid) -> Quantised:
    """Levels [out, blocks, block], scales and zero points [out, blocks, 1] in the operator's layout."""
    return Quantised(
        packed=pack_levels(levels.astype(np.uint8), grid.bits),
        scales=scales[..., 0].astype(np.float32),
        zeros=None if grid.symmetric else pack_levels(zeros[..., 0].astype(np.uint8), grid.bits),
        values=((levels - zeros) * scales).reshape(len(levels), -1).astype(np.float32),
    )


def pack_levels(levels: Bytes, bits: int) -> Bytes:
    """Two 4-bit levels to a byte, the first in the low half; 8-bit levels as they are."""
    if bits == 8:
        return np.ascontiguousarray(levels)
    if levels.shape[-1] % 2:
        levels = np.concatenate([levels, np.zeros_like(levels[..., :1])], -1)
    return np.ascontiguousarray(levels[..., 0::2] | (levels[..., 1::2] << 4))
