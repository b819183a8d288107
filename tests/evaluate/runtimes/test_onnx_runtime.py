"""ONNX Runtime's batching and cache, on a graph small enough to be worked out by hand; real graphs: tests/export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pocketmoji.evaluate.runtimes.onnx_runtime import OnnxRuntime
from pocketmoji.evaluate.runtimes.tokens import load_tokenizer, prompt_tokens

SIZE = 16
TEXTS = ["what a fun party", "what a fun cat", "xyz Ünï 日本", "hi", "ho", "the coffee is cold", "cat", "dog"]


def weights(vocabulary: int) -> tuple[np.ndarray, np.ndarray]:
    source = np.random.default_rng(0)
    table = source.normal(size=(vocabulary, SIZE)).astype(np.float32)
    head = source.normal(size=(SIZE, vocabulary)).astype(np.float32)
    return table, head


def bag_of_tokens(path: Path, vocabulary: int) -> None:
    """A decoder whose cache is its tokens' embeddings and whose logits are a product of their sum."""
    from onnx import TensorProto, helper, numpy_helper, save

    table, head = weights(vocabulary)
    constants = {
        "table": table,
        "head": head,
        "one": np.array([1]),
        "two": np.array([2]),
    }
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Unsqueeze", ["rows", "one"], ["heads"]),
        helper.make_node("Concat", ["past_key_values.0.key", "heads"], ["present.0.key"], axis=2),
        helper.make_node("Concat", ["past_key_values.0.value", "heads"], ["present.0.value"], axis=2),
        helper.make_node("ReduceSum", ["present.0.value", "two"], ["sum"], keepdims=0),
        helper.make_node("MatMul", ["sum", "head"], ["logits"]),
    ]
    value = helper.make_tensor_value_info
    cache = lambda name: value(name, TensorProto.FLOAT, ["batch_size", 1, None, SIZE])
    inputs = [
        value("input_ids", TensorProto.INT64, ["batch_size", "sequence"]),
        value("attention_mask", TensorProto.INT64, ["batch_size", "total"]),
        value("num_logits_to_keep", TensorProto.INT64, []),
        cache("past_key_values.0.key"),
        cache("past_key_values.0.value"),
    ]
    outputs = [value("logits", TensorProto.FLOAT, ["batch_size", 1, vocabulary])]
    outputs += [cache("present.0.key"), cache("present.0.value")]
    initializers = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "bag", inputs, outputs, initializers)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)


def by_hand(ids: list[int], vocabulary: int, limit: int, stop: int) -> list[int]:
    table, head = weights(vocabulary)
    found: list[int] = []
    while len(found) < limit and found[-1:] != [stop]:
        found.append(int((table[ids + found].sum(0) @ head).argmax()))
    return found


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_batches_of_equal_length_give_what_one_text_gives(tiny_model: Path, tmp_path: Path, batch_size: int) -> None:
    tokenizer = load_tokenizer(tiny_model)
    vocabulary = tokenizer.get_vocab_size()
    bag_of_tokens(tmp_path / "model.onnx", vocabulary)
    prompts = prompt_tokens(tokenizer, TEXTS)
    stop = by_hand(prompts[0], vocabulary, 5, stop=-1)[4]  # a token that is said, so that at least one answer stops
    done: list[int] = []
    runtime = OnnxRuntime(tmp_path / "model.onnx", tiny_model, [stop], 12, batch_size)
    predictions = runtime.predict(TEXTS, done.append)
    assert [p.text for p in predictions] == TEXTS and sum(done) == len(TEXTS)
    for found, ids in zip(predictions, prompts, strict=True):
        assert found.tokens == by_hand(ids, vocabulary, 12, stop)
        assert found.stopped == (found.tokens[-1] == stop)
        assert found.ttft_ms is not None or batch_size > 1
    assert {p.stopped for p in predictions} == {True, False}
