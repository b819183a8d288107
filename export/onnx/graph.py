"""Gemma 3 as an ONNX graph that Transformers.js 4 runs on WASM and WebGPU, written operator by operator.

Not through optimum: optimum-onnx 0.1.0 demands transformers below 4.58 and onnxruntime-genai 0.18's builder fails on
transformers 5 (KeyError 'rope_type'). The operators are those of ONNX Runtime's contrib set
(https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md). One choice needs a
reason: the first dimension of the cache inputs is called batch_size, which Transformers.js looks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from onnx.onnx_ml_pb2 import ModelProto

from pocketmoji.core.grid import Floats, Grid, Precision
from pocketmoji.export.onnx.nodes import CONTRIB, GraphBuilder, quantised_product
from pocketmoji.export.onnx.rounding import Rounding, nearest
from pocketmoji.export.onnx.table import add_head, add_lookup

OPSET = 21


def build_graph(
    config: Mapping[str, Any],
    tensor: Callable[[str], Floats],
    precision: Precision,
    max_positions: int,
    rounding: Rounding = nearest,
) -> ModelProto:
    """The model whose checkpoint tensors `tensor(name)` gives, as config.json describes it.

    Inputs: input_ids [batch, length], attention_mask [batch, past + length], num_logits_to_keep (0: all) and the cache,
    past_key_values.{layer}.key/value [batch, kv heads, past, head dim]; outputs: logits [batch, kept, vocabulary] and
    present.{layer}.key/value. `max_positions` bounds past + length. `rounding` turns a layer's weight into levels.
    """
    graph = GraphBuilder()
    hidden, head_dim, layers = config["hidden_size"], config["head_dim"], config["num_hidden_layers"]
    _positions(graph)
    for kind, rope in config["rope_parameters"].items():
        if rope.get("rope_type", "default") != "default":
            raise ValueError(f"rope_type {rope['rope_type']!r} of {kind} layers is not supported")
        frequencies = 1.0 / rope["rope_theta"] ** (np.arange(0, head_dim, 2) / head_dim)
        angles = np.outer(np.arange(max_positions), frequencies)
        graph.constant(f"cos.{kind}", np.cos(angles).astype(np.float32))
        graph.constant(f"sin.{kind}", np.sin(angles).astype(np.float32))

    embedded = add_lookup(graph, tensor("model.embed_tokens.weight"), precision.table, precision.halves)
    scale = graph.constant("embedding_scale", np.array(hidden**0.5, np.float32))
    stream = graph.add("Mul", [embedded, scale], "embedding")
    normed = _norm(graph, config, tensor, stream, "model.layers.0.input_layernorm.weight", "layer0.input")
    for layer in range(layers):
        following = f"model.layers.{layer + 1}.input_layernorm.weight" if layer + 1 < layers else "model.norm.weight"
        linear = _Linears(graph, tensor, precision.layers, rounding)
        stream, normed = _layer(graph, config, tensor, linear, layer, stream, normed, following)

    graph.add("Neg", ["num_logits_to_keep"], "minus_kept")
    graph.add("Reshape", ["minus_kept", graph.constant("one_dimension", np.array([1]))], "first_kept")
    axis, end = graph.constant("axis_1", np.array([1])), graph.constant("to_the_end", np.array([2**31 - 1]))
    graph.add("Slice", [normed, "first_kept", end, axis], "kept_hidden")
    add_head(graph, precision.table, hidden, config["vocab_size"], precision.halves)
    return _model(graph, config, precision.halves)


def _positions(graph: GraphBuilder) -> None:
    """What GroupQueryAttention wants to know: each row's last position, and the total length."""
    graph.add("ReduceSum", ["attention_mask", graph.constant("axis_1", np.array([1]))], "visible", keepdims=0)
    graph.add("Sub", ["visible", graph.constant("one", np.array(1))], "last_position")
    graph.add("Cast", ["last_position"], "seqlens_k", to=TensorProto.INT32)
    graph.add("Shape", ["attention_mask"], "mask_shape")
    graph.add("Gather", ["mask_shape", graph.constant("one", np.array(1))], "total", axis=0)
    graph.add("Cast", ["total"], "total_sequence_length_int32", to=TensorProto.INT32)


@dataclass(frozen=True)
class _Linears:
    """Writes linear layers, all in one way."""

    graph: GraphBuilder
    tensor: Callable[[str], Floats]
    grid: Grid | None
    rounding: Rounding

    def add(self, source: str, name: str, out: str) -> str:
        """`source` times the transposed weight of that name."""
        weight = self.tensor(name)
        if self.grid is None:
            return self.graph.add(
                "MatMul", [source, self.graph.constant(f"{name}.T", weight.T.astype(np.float32))], out
            )
        rows, columns = weight.shape
        grid = self.grid.fit(columns)
        quantised = self.rounding(name, weight, grid)
        parts = {"q": quantised.packed, "s": quantised.scales}
        if quantised.zeros is not None:
            parts["z"] = quantised.zeros.reshape(-1)
        inputs = [source, *(self.graph.constant(f"{name}.{part}", value) for part, value in parts.items())]
        return quantised_product(self.graph, inputs, out, rows, columns, grid)


def _norm_weight(graph: GraphBuilder, tensor: Callable[[str], Floats], name: str) -> str:
    # Gemma's RMSNorm multiplies by 1 + weight, ONNX Runtime's by the weight it is given.
    return graph.constant(name, (1 + tensor(name)).astype(np.float32))


def _norm(
    graph: GraphBuilder, config: Mapping[str, Any], tensor: Callable[[str], Floats], source: str, weight: str, out: str
) -> str:
    inputs = [source, _norm_weight(graph, tensor, weight)]
    return graph.add("SimplifiedLayerNormalization", inputs, out, axis=-1, epsilon=config["rms_norm_eps"], stash_type=1)


def _layer(
    graph: GraphBuilder,
    config: Mapping[str, Any],
    tensor: Callable[[str], Floats],
    linears: _Linears,
    layer: int,
    stream: str,
    normed: str,
    following_norm: str,
) -> tuple[str, str]:
    """One decoder layer; returns the residual stream after it and that stream under the next norm."""
    here, out = f"model.layers.{layer}.", f"layer{layer}."
    kind, head_dim = config["layer_types"][layer], config["head_dim"]
    query_heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]

    def linear(source: str, name: str, to: str) -> str:
        return linears.add(source, here + name, out + to)

    projected = {}
    for part, heads in (("q", query_heads), ("k", kv_heads)):
        flat = linear(normed, f"self_attn.{part}_proj.weight", part)
        split = graph.constant("split_heads", np.array([0, -1, head_dim]))
        graph.add("Reshape", [flat, split], f"{flat}.heads")
        _norm(graph, config, tensor, f"{flat}.heads", f"{here}self_attn.{part}_norm.weight", f"{flat}.normed")
        joined = graph.constant(f"join_{heads}_heads", np.array([0, -1, heads * head_dim]))
        projected[part] = graph.add("Reshape", [f"{flat}.normed", joined], f"{flat}.flat")
    projected["v"] = linear(normed, "self_attn.v_proj.weight", "v")
    cache = [f"past_key_values.{layer}.key", f"past_key_values.{layer}.value"]
    lengths_and_rope = ["seqlens_k", "total_sequence_length_int32", f"cos.{kind}", f"sin.{kind}"]
    graph.add(
        "GroupQueryAttention",
        [projected["q"], projected["k"], projected["v"], *cache, *lengths_and_rope],
        [out + "attention", f"present.{layer}.key", f"present.{layer}.value"],
        CONTRIB,
        num_heads=query_heads,
        kv_num_heads=kv_heads,
        scale=config["query_pre_attn_scalar"] ** -0.5,
        do_rotary=1,
        rotary_interleaved=0,
        local_window_size=config["sliding_window"] if kind == "sliding_attention" else -1,
    )
    attended = linear(out + "attention", "self_attn.o_proj.weight", "o")
    attended = _norm(graph, config, tensor, attended, here + "post_attention_layernorm.weight", out + "o.normed")
    stream, fed = _add_and_norm(
        graph, config, tensor, stream, attended, here + "pre_feedforward_layernorm.weight", out + "ffn"
    )
    # FastGelu is the tanh approximation, Gemma's gelu_pytorch_tanh.
    gate = graph.add("FastGelu", [linear(fed, "mlp.gate_proj.weight", "gate")], out + "gelu", CONTRIB)
    gated = graph.add("Mul", [gate, linear(fed, "mlp.up_proj.weight", "up")], out + "gated")
    down = linear(gated, "mlp.down_proj.weight", "down")
    down = _norm(graph, config, tensor, down, here + "post_feedforward_layernorm.weight", out + "down.normed")
    last = layer + 1 == config["num_hidden_layers"]
    return _add_and_norm(graph, config, tensor, stream, down, following_norm, out + "out", keep_sum=not last)


def _add_and_norm(
    graph: GraphBuilder,
    config: Mapping[str, Any],
    tensor: Callable[[str], Floats],
    stream: str,
    change: str,
    weight: str,
    out: str,
    keep_sum: bool = True,
) -> tuple[str, str]:
    """Residual addition and the norm after it in one operator; returns (sum, normed sum)."""
    total = out + ".sum"
    graph.add(
        "SkipSimplifiedLayerNormalization",
        [stream, change, _norm_weight(graph, tensor, weight)],
        [out, "", "", total if keep_sum else ""],
        CONTRIB,
        epsilon=config["rms_norm_eps"],
    )
    return total, out


def _model(graph: GraphBuilder, config: Mapping[str, Any], optional_keep: bool) -> ModelProto:
    kv_heads, head_dim, layers = config["num_key_value_heads"], config["head_dim"], config["num_hidden_layers"]

    def value(name: str, kind: int, shape: Sequence[int | str]) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    def cache(prefix: str, length: str) -> list[Any]:
        shape = ["batch_size", kv_heads, length, head_dim]
        names = [f"{prefix}.{layer}.{part}" for layer in range(layers) for part in ("key", "value")]
        return [value(name, TensorProto.FLOAT, shape) for name in names]

    inputs = [
        value("input_ids", TensorProto.INT64, ["batch_size", "sequence_length"]),
        value("attention_mask", TensorProto.INT64, ["batch_size", "total_sequence_length"]),
        value("num_logits_to_keep", TensorProto.INT64, []),
        *cache("past_key_values", "past_sequence_length"),
    ]
    logits = value("logits", TensorProto.FLOAT, ["batch_size", "kept", config["vocab_size"]])
    outputs = [logits, *cache("present", "total_sequence_length")]
    if optional_keep:
        graph.constant("num_logits_to_keep", np.array(1))
    _check(graph, {item.name for item in inputs}, {item.name for item in outputs})
    made = helper.make_graph(graph.nodes, "gemma3", inputs, outputs, list(graph.initialisers.values()))
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
    return helper.make_model(made, opset_imports=opsets, ir_version=10, producer_name="pocketmoji")


def _check(graph: GraphBuilder, inputs: set[str], outputs: set[str]) -> None:
    """Every name is made before it is used, every initialiser is used, every output is made.

    onnx.checker cannot judge this graph: SimplifiedLayerNormalization is ONNX Runtime's own, in the default domain.
    """
    known = inputs | set(graph.initialisers)
    used: set[str] = set()
    for node in graph.nodes:
        missing = {name for name in node.input if name} - known
        if missing:
            raise AssertionError(f"{node.name} reads {missing}, which nothing before it makes")
        used |= set(node.input)
        known |= set(node.output)
    if unused := set(graph.initialisers) - used:
        raise AssertionError(f"unused initialisers: {sorted(unused)}")
    if absent := outputs - known:
        raise AssertionError(f"outputs that nothing makes: {sorted(absent)}")
