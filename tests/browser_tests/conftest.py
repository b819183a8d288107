"""A tiny model in the layout of Transformers.js, the built demo, and its answers in Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pocketmoji.core.records import EvaluationText, Prediction
from pocketmoji.core.text.grammar import make_grammar
from pocketmoji.core.workspace import digest_file, write_json

STOP, NEW_TOKENS = [1], 6
TEXTS = [
    EvaluationText(text="what a fun party", emoji="🎉🥳", seed_id="a", group="seed"),
    EvaluationText(text="my cat is sleeping on me", emoji="😴", seed_id="b", group="paraphrase"),
    EvaluationText(text="we shipped it on friday", emoji="🚀", seed_id="c", group="heldout_seed"),
    EvaluationText(text="happy birthday to you", emoji="🎂", seed_id="d", group="seed"),
]


@pytest.fixture(scope="session", autouse=True)
def demo() -> Path:
    from pocketmoji.browser_tests.app.node import build_demo

    return build_demo()


@pytest.fixture(scope="session")
def tiny_web(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A web folder that holds the tiny model in 32-bit floats: babble, but the same babble everywhere."""
    from pocketmoji.export.onnx.folder import export_onnx, onnx_file

    folder = tmp_path_factory.mktemp("tiny") / "web"
    export_onnx(tiny_model, folder, ["fp32"])
    grammar = make_grammar(tiny_model).write(folder)
    card = {
        "name": "onnx_fp32",
        "dtype": "fp32",
        "onnx_file": onnx_file(folder, "fp32").relative_to(folder).as_posix(),
        "task_file": None,
        "stop_token_ids": STOP,
        "max_new_tokens": NEW_TOKENS,
        "grammar": {"file": grammar.name, "sha256": digest_file(grammar)},
    }
    write_json(folder / "pocketmoji.json", card)
    return folder


@pytest.fixture(scope="session")
def in_python(tiny_web: Path) -> list[Prediction]:
    """What the same file answers to TEXTS in Python."""
    from pocketmoji.evaluate.runtimes.onnx_runtime import OnnxRuntime

    runtime = OnnxRuntime(tiny_web / "onnx/model.onnx", tiny_web, STOP, NEW_TOKENS, batch_size=1)
    return runtime.predict([text.text for text in TEXTS])


@pytest.fixture(scope="session")
def pocketmoji_web(tiny_web: Path) -> Iterator[Path]:
    """The plugin's fixtures run on the tiny model."""
    yield tiny_web


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(web, evaluation) of a tiny model that knows a few answers; read them, do not write into them."""
    from tests.browser_tests.taught import taught_folders

    return taught_folders(tmp_path_factory.mktemp("taught"))
