"""The probe finds the layer that overflows half precision, by name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pocketmoji.export.numerics import Reach, judge, probe

ROWS = [[2, 10, 11, 12, 13], [2, 30, 31]]


def test_a_tame_model_is_safe(tiny_model: Path) -> None:
    found = probe(tiny_model, ROWS)
    assert found.texts == 2 and not found.over and found.half.startswith("safe")


def test_a_layer_that_overflows_is_named(tiny_model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    weights = load_file(model / "model.safetensors")
    weights["model.layers.1.post_feedforward_layernorm.weight"] += 1e6
    save_file(weights, model / "model.safetensors", {"format": "pt"})
    found = probe(model, ROWS)
    assert {reach.module for reach in found.over} >= {"model.layers.1", "model.layers.1.post_feedforward_layernorm"}
    assert not any(reach.module.startswith("model.layers.0") for reach in found.over)
    assert found.half.startswith("refused") and "model.layers." in found.half


@pytest.mark.parametrize(("largest", "verdict"), [(100.0, "safe"), (40_000.0, "refused"), (70_000.0, "refused")])
def test_verdicts(largest: float, verdict: str) -> None:
    assert judge([Reach("model.layers.0", largest), Reach("model.norm", 1.0)], 1).half.startswith(verdict)
