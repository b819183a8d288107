"""What --runtime may say."""

from __future__ import annotations

import pytest

from pocketmoji.core.errors import InputError
from pocketmoji.evaluate.runtimes.runtime_spec import RuntimeSpec, parse_spec, parse_specs


@pytest.mark.parametrize(
    ("given", "name", "kind", "target", "device"),
    [
        ("torch:runs/x/model", "torch-model", "torch", "runs/x/model", ""),
        ("tuned=torch:runs/x/model", "tuned", "torch", "runs/x/model", ""),
        ("onnxruntime:web/onnx/model_q4.onnx", "onnxruntime-model_q4", "onnxruntime", "web/onnx/model_q4.onnx", ""),
        ("litert:web/model.task", "litert-model", "litert", "web/model.task", ""),
        ("pocketmoji:runs/x/web", "pocketmoji/wasm", "pocketmoji", "runs/x/web", "wasm"),
        ("transformers.js:runs/x/web", "transformers.js/wasm", "transformers.js", "runs/x/web", "wasm"),
        ("transformers.js:web/webgpu", "transformers.js/webgpu", "transformers.js", "web", "webgpu"),
        ("mediapipe:web", "mediapipe/webgpu", "mediapipe", "web", "webgpu"),
        ("openai:http://h:1/v1#org/big", "openai-org_big", "openai", "http://h:1/v1#org/big", ""),
        ("big=openai:https://h/v1#a=b", "big", "openai", "https://h/v1#a=b", ""),
    ],
)
def test_specs(given: str, name: str, kind: str, target: str, device: str) -> None:
    assert parse_spec(given) == RuntimeSpec(name, kind, target, device)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("tensorrt:model", "onnxruntime:FILE"),
        ("torch", "KIND:TARGET"),
        ("torch:", "KIND:TARGET"),
        ("mediapipe:web/wasm", "webgpu"),
        ("openai:localhost", "#MODEL"),
        ("a b=torch:x", "letters, digits"),
    ],
)
def test_wrong_specs(given: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_spec(given)


def test_names_are_told_apart() -> None:
    with pytest.raises(InputError, match="named 'torch-model'"):
        parse_specs(["torch:a/model", "torch:b/model"])
    assert [spec.name for spec in parse_specs(["a=torch:a/model", "b=torch:b/model"])] == ["a", "b"]
