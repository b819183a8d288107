"""The table of token embeddings in the graph: stored once, read by the lookup and by the head.

Its 8 bits are stored as they are, or (`halves`) as a high and a low half of 4 bits, level - 128 = 16 (high - 8) + low,
whose products are added up: the same numbers through operators that the runtime of Transformers.js 3 has, whose
MatMulNBits knows 4 bits only. The lookup is Gather and plain arithmetic: GatherBlockQuantized in 8 bits has no kernel
in any WASM build.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from onnx import TensorProto

from pocketmoji.core.grid import Bytes, Floats, Grid, pack_levels, quantise
from pocketmoji.export.onnx.nodes import GraphBuilder, quantised_product


def add_lookup(graph: GraphBuilder, table: Floats, grid: Grid | None, halves: bool) -> str:
    """Store the table [vocabulary, hidden] and look up input_ids; the name of the rows [batch, length, hidden]."""
    if grid is None:
        return graph.add("Gather", [graph.constant("table", table.astype(np.float32)), "input_ids"], "looked_up")
    if grid.bits != 8 or not grid.symmetric:
        raise ValueError("the table is stored in symmetric 8 bits: its lookup is written in plain operators")
    quantised = quantise(table, grid.fit(table.shape[1]))
    graph.constant("table.scales", quantised.scales)
    levels = _levels_of_halves(graph, quantised.packed) if halves else _levels(graph, quantised.packed)
    graph.add("Gather", ["table.scales", "input_ids"], "rows.scales")
    graph.add("Sub", [levels, graph.constant("middle", np.array(128, np.float32))], "rows.centred")
    graph.add("Unsqueeze", ["rows.scales", graph.constant("last_axis", np.array([-1]))], "rows.scales3")
    graph.add("Mul", ["rows.centred", "rows.scales3"], "rows")
    return graph.add("Reshape", ["rows", graph.constant("join_blocks", np.array([0, 0, -1]))], "looked_up")


def _levels(graph: GraphBuilder, packed: Bytes) -> str:
    graph.add("Gather", [graph.constant("table.q", packed), "input_ids"], "rows.q")
    return graph.add("Cast", ["rows.q"], "rows.levels", to=TensorProto.FLOAT)


def _levels_of_halves(graph: GraphBuilder, packed: Bytes) -> str:
    """A byte holds the halves of two levels, the first level's in its own low half."""
    sixteen, last = graph.constant("sixteen", np.array(16, np.float32)), graph.constant("last_axis", np.array([-1]))
    for half, levels in (("high", packed >> 4), ("low", packed & 15)):
        graph.add(
            "Gather",
            [graph.constant(f"table.{half}", pack_levels(levels.astype(np.uint8), 4)), "input_ids"],
            f"{half}.bytes",
        )
        graph.add("Cast", [f"{half}.bytes"], half, to=TensorProto.FLOAT)
        graph.add("Floor", [graph.add("Div", [half, sixteen], f"{half}.shifted")], f"{half}.second")
        graph.add("Sub", [half, graph.add("Mul", [f"{half}.second", sixteen], f"{half}.rest")], f"{half}.first")
        pair = [graph.add("Unsqueeze", [f"{half}.{which}", last], f"{half}.{which}1") for which in ("first", "second")]
        graph.add("Concat", pair, f"{half}.pairs", axis=-1)
    graph.add("Add", [graph.add("Mul", ["high.pairs", sixteen], "high.sixteenfold"), "low.pairs"], "rows.pairs")
    return graph.add("Reshape", ["rows.pairs", graph.constant("join_pairs", np.array([0, 0, 0, -1]))], "rows.levels")


def add_head(graph: GraphBuilder, grid: Grid | None, hidden: int, vocabulary: int, halves: bool) -> None:
    """logits = kept_hidden times the transposed table that `add_lookup` stored."""
    if grid is None:
        graph.add("Transpose", ["table"], "table_transposed", perm=[1, 0])
        graph.add("MatMul", ["kept_hidden", "table_transposed"], "logits")
        return
    grid = grid.fit(hidden)
    if not halves:
        quantised_product(graph, ["kept_hidden", "table.q", "table.scales"], "logits", vocabulary, hidden, grid)
        return
    zeros = graph.constant("table.low.zeros", np.zeros(vocabulary * -(-(hidden // grid.block) // 2), np.uint8))
    sixteenfold = graph.add("Mul", ["table.scales", "sixteen"], "table.high.scales")
    half = replace(grid, bits=4)
    products = [
        quantised_product(graph, ["kept_hidden", *inputs], f"logits.{inputs[0]}", vocabulary, hidden, half)
        for inputs in (["table.high", sixteenfold], ["table.low", "table.scales", zeros])
    ]
    graph.add("Add", products, "logits")
