"""Our ONNX graph against torch on a tiny random Gemma 3, and the quantisation against its definition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from pocketmoji.core.grid import Grid, quantise
from pocketmoji.core.workspace import read_json
from pocketmoji.evaluate.runtimes.onnx_runtime import OnnxRuntime
from pocketmoji.evaluate.runtimes.torch_runtime import TorchRuntime
from pocketmoji.export.onnx.data import bytes_of, copy_graph, data_files, write_graph
from pocketmoji.export.onnx.folder import export_onnx, onnx_file

TEXTS = ["what a fun party", "my cat is sleeping on me and the coffee is cold", "pizza", "🎉"]


@pytest.fixture(scope="module")
def web(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web")
    export_onnx(tiny_model, folder, ["q4", "q8", "fp32"])
    return folder


def test_answers_equal_torchs(tiny_model: Path, web: Path) -> None:
    torch_runtime = TorchRuntime(tiny_model, [1], 12, batch_size=2)
    onnx_runtime = OnnxRuntime(onnx_file(web, "fp32"), web, [1], 12, batch_size=1)
    expected = [prediction.tokens for prediction in torch_runtime.predict(TEXTS)]
    assert [prediction.tokens for prediction in onnx_runtime.predict(TEXTS)] == expected


@pytest.mark.parametrize(("name", "least"), [("fp32", 0.99999), ("q8", 0.995), ("q4", 0.9)])
def test_logits_are_near_torchs(tiny_model: Path, web: Path, name: str, least: float) -> None:
    """Correlation of all next-token logits of a prompt longer than the sliding window."""
    import onnxruntime
    import torch
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval()
    length = min(model.config.sliding_window + 40, 700)
    tokens = np.random.default_rng(0).integers(10, model.config.vocab_size, (1, length))
    with torch.no_grad():
        expected = model(torch.from_numpy(tokens)).logits[0, -50:].numpy()
    session = onnxruntime.InferenceSession(str(onnx_file(web, name)), providers=["CPUExecutionProvider"])
    empty = np.zeros((1, model.config.num_key_value_heads, 0, model.config.head_dim), np.float32)
    feed: dict[str, Any] = {
        "input_ids": tokens,
        "attention_mask": np.ones_like(tokens),
        "num_logits_to_keep": np.array(50),
    }
    feed |= {i.name: empty for i in session.get_inputs() if i.name.startswith("past_key_values")}
    logits = session.run(["logits"], feed)[0][0]
    assert np.corrcoef(logits.ravel(), expected.ravel())[0, 1] > least


def test_halves_of_the_table_give_the_same_logits(tiny_model: Path, web: Path) -> None:
    """In operators of 4 bits, and without the input that Transformers.js 3 does not know."""
    import onnxruntime

    (halves,) = export_onnx(tiny_model, web.with_name("v3"), ["q4-v3"])
    whole = onnx_file(web, "q4")
    bits = {a.i for node in onnx.load(halves).graph.node for a in node.attribute if a.name == "bits"}
    assert bits == {4} and halves.stat().st_size < 1.1 * whole.stat().st_size
    tokens = np.random.default_rng(0).integers(10, 400, (2, 40))
    logits = []
    for path, keep in ((halves, {}), (whole, {"num_logits_to_keep": np.array(1)})):
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        caches = [i for i in session.get_inputs() if i.name.startswith("past_key_values")]
        feed: dict[str, Any] = {"input_ids": tokens, "attention_mask": np.ones_like(tokens), **keep}
        feed |= {cache.name: np.zeros((2, cache.shape[1], 0, cache.shape[3]), np.float32) for cache in caches}
        logits.append(session.run(["logits"], feed)[0])
    assert logits[0].shape[1] == 1
    assert np.abs(logits[0] - logits[1]).max() < 1e-3 * np.abs(logits[1]).max()


def test_the_table_is_stored_once_and_the_cache_is_named_for_transformers_js(web: Path) -> None:
    graph = onnx.load(onnx_file(web, "q8")).graph
    vocabulary = next(output for output in graph.output if output.name == "logits").type.tensor_type.shape.dim[2]
    tables = [i for i in graph.initializer if i.dims and i.dims[0] == vocabulary.dim_value and i.data_type == 2]
    assert len(tables) == 1
    caches = [i for i in graph.input if i.name.startswith("past_key_values")]
    assert {cache.type.tensor_type.shape.dim[0].dim_param for cache in caches} == {"batch_size"}


def test_same_bytes_each_time(tiny_model: Path, web: Path, tmp_path: Path) -> None:
    export_onnx(tiny_model, tmp_path, ["q4"])
    assert onnx_file(tmp_path, "q4").read_bytes() == onnx_file(web, "q4").read_bytes()


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("symmetric", [True, False])
def test_no_weight_moves_by_more_than_a_step(bits: int, symmetric: bool) -> None:
    weight = np.random.default_rng(0).normal(size=(6, 128)).astype(np.float32)
    weight[0, :32] = 0
    found = quantise(weight, Grid(bits, 32, symmetric))
    steps = np.abs(np.repeat(found.scales, 32, axis=1))
    assert (np.abs(found.values - weight) <= steps * (1.001 if symmetric else 0.501) + 1e-7).all()
    assert (found.values[0, :32] == 0).all()
    assert found.packed.shape == (6, 4, 32 * bits // 8)


def test_a_block_that_does_not_fit_is_halved() -> None:
    assert Grid(8, 128).fit(640).block == 128
    assert Grid(8, 128).fit(64).block == 64


def test_a_graph_above_the_limit_leaves_its_weights_to_data_files(tiny_model: Path, web: Path, tmp_path: Path) -> None:
    """Named as Transformers.js looks for them; read back by ONNX Runtime, also under the name that ships."""
    largest = onnx_file(web, "q8").stat().st_size // 3
    source = onnx_file(tmp_path, "q8")
    files = write_graph(onnx.load(onnx_file(web, "q8")), source, largest)
    assert [file.name for file in files][:2] == ["model_quantized.onnx_data", "model_quantized.onnx_data_1"]
    assert max(file.stat().st_size for file in [source, *files]) <= largest
    shipped = tmp_path / "shipped.onnx"
    assert copy_graph(source, shipped) == data_files(shipped) and bytes_of(shipped) > 2 * largest
    source.unlink()
    answers = [
        [answer.tokens for answer in OnnxRuntime(file, web, [1], 12, batch_size=1).predict(TEXTS)]
        for file in (onnx_file(web, "q8"), shipped)
    ]
    assert answers[0] == answers[1]


def test_data_files_of_a_larger_graph_go_when_a_smaller_takes_its_place(web: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    assert len(write_graph(onnx.load(onnx_file(web, "q8")), path, 200_000)) > 1
    assert write_graph(onnx.load(onnx_file(web, "q8")), path) == [] == data_files(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.onnx"]


def test_the_folder_says_how_many_data_files_there_are(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "pocketmoji.export.onnx.folder.write_graph", lambda graph, path: write_graph(graph, path, 200_000)
    )
    (path,) = export_onnx(tiny_model, tmp_path, ["q8"])
    told = read_json(tmp_path / "config.json")["transformers.js_config"]["use_external_data_format"]
    assert told == {path.name: len(data_files(path))} and len(data_files(path)) > 1
