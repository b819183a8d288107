"""Which artefact ships, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pocketmoji.core.config import EvaluateConfig, ExportConfig
from pocketmoji.core.errors import InputError
from pocketmoji.core.records import Prediction
from pocketmoji.core.text.prompt import CHAT_TEMPLATE, messages, render
from pocketmoji.export.stage import as_the_page_says, choose_artefact, export_artefacts


def artefact(name: str, size: int, **losses: float) -> dict[str, Any]:
    return {"name": name, "bytes": size, "losses": losses}


@pytest.mark.parametrize(
    ("small_loss", "large_loss", "shipped", "told"),
    [
        (0.01, 0.0, "onnx_q4", "smallest within 1%"),
        (0.05, 0.01, "onnx_q8", "loses 5.0% of seed_recall"),
        (0.05, 0.04, "onnx_q8", "none is within"),
        (0.04, 0.04, "onnx_q4", "none is within"),
    ],
)
def test_smallest_within_the_tolerance_ships(small_loss: float, large_loss: float, shipped: str, told: str) -> None:
    artefacts = [
        artefact("onnx_q8", 200, compliance=0.0, seed_recall=large_loss),
        artefact("onnx_q4", 100, compliance=0.0, seed_recall=small_loss),
        artefact("litert_int8", 10, compliance=0.0, seed_recall=0.0),
    ]
    name, reason = choose_artefact(artefacts, ExportConfig())
    assert name == shipped and told in reason


def test_what_only_pythons_kernels_change_is_asked_again() -> None:
    def saying(text: str, *tokens: int) -> Prediction:
        return Prediction(text=text, raw="🎉", tokens=list(tokens), stopped=True, seconds=0.1)

    class Unrounded:
        name = "unrounded"

        def predict(self, texts: Any, progress: Any = None) -> list[Prediction]:
            assert texts == ["b", "c"]
            return [saying("b", 2), saying("c", 9)]

    merged = [saying("a", 1), saying("b", 2), saying("c", 3)]
    said = [saying("a", 1), saying("b", 7), saying("c", 8)]
    assert [one.tokens for one in as_the_page_says(said, merged, Unrounded)] == [[1], [2], [9]]
    assert as_the_page_says(merged, merged, Unrounded) == merged


def test_an_unknown_candidate_is_refused(tmp_path: Path) -> None:
    for fit in ("", "q4,q3"):
        with pytest.raises(InputError, match="--fit is"):
            export_artefacts(tmp_path, tmp_path, ExportConfig(fit=fit), EvaluateConfig(), tmp_path / "out")


def test_golden_prompts_hold() -> None:
    import json
    from pathlib import Path

    from jinja2.sandbox import ImmutableSandboxedEnvironment

    from pocketmoji.core.text import prompt

    golden = json.loads((Path(prompt.__file__).parent / "golden_prompts.json").read_text("utf-8"))
    template = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(CHAT_TEMPLATE)
    for row in golden:
        assert render(row["text"]) == row["prompt"]
        rendered = template.render(messages=messages(row["text"]), bos_token="<bos>", add_generation_prompt=True)
        assert rendered == row["prompt"]
