"""An ONNX graph while it is being written: nodes, and weights that are stored once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import helper, numpy_helper
from onnx.onnx_ml_pb2 import NodeProto

from pocketmoji.core.grid import Grid

CONTRIB = "com.microsoft"


class GraphBuilder:
    """Nodes and initialisers in the order they are made; each initialiser is stored once."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.initialisers: dict[str, Any] = {}

    def constant(self, name: str, value: Any) -> str:
        if name not in self.initialisers:
            array = np.ascontiguousarray(value) if np.ndim(value) else np.asarray(value)
            self.initialisers[name] = numpy_helper.from_array(array, name)
        return name

    def add(
        self, kind: str, inputs: Sequence[str], outputs: str | Sequence[str], domain: str = "", **attributes: Any
    ) -> str:
        names = [outputs] if isinstance(outputs, str) else list(outputs)
        first = next(name for name in names if name)
        self.nodes.append(helper.make_node(kind, inputs, names, name=f"{first}/{kind}", domain=domain, **attributes))
        return first


def quantised_product(graph: GraphBuilder, inputs: Sequence[str], out: str, rows: int, columns: int, grid: Grid) -> str:
    """`inputs` (source, levels, scales and perhaps zero points) times a transposed weight [rows, columns] on `grid`."""
    return graph.add(
        "MatMulNBits",
        inputs,
        out,
        CONTRIB,
        K=columns,
        N=rows,
        bits=grid.bits,
        block_size=grid.block,
        accuracy_level=4,
    )
