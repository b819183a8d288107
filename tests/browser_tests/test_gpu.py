"""The page's own engine on WebGPU: the same answers as Python, from the same logits, and what it takes of the GPU."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pocketmoji.browser_tests.engines.logits import ExactRuntime, compare
from pocketmoji.browser_tests.engines.runtimes import OWN, OWN_GPU, BrowserRuntime
from pocketmoji.core.workspace import read_json, write_json
from tests.browser_tests.conftest import NEW_TOKENS, STOP, TEXTS

pytestmark = pytest.mark.browser
LONG = "we shipped it on friday and my cat is sleeping on me while the party goes on and on and on and on"


@pytest.fixture(scope="module", params=["q4", "q8"])
def web(request: pytest.FixtureRequest, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model in 4 or in 8 bits."""
    from pocketmoji.export.onnx.folder import export_onnx, onnx_file

    folder = tmp_path_factory.mktemp("gpu") / "web"
    export_onnx(tiny_model, folder, [request.param])
    name = onnx_file(folder, request.param).relative_to(folder).as_posix()
    card = {"name": f"onnx_{request.param}", "dtype": request.param, "onnx_file": name, "task_file": None}
    write_json(folder / "pocketmoji.json", card | {"stop_token_ids": STOP, "max_new_tokens": NEW_TOKENS})
    return folder


def test_answers_and_logits_are_those_of_python(web: Path) -> None:
    exact = ExactRuntime(web, read_json(web / "pocketmoji.json")["onnx_file"], STOP, NEW_TOKENS)
    with BrowserRuntime(OWN_GPU, web, dtype=read_json(web / "pocketmoji.json")["dtype"]) as runtime:
        traces = [(text, runtime.trace(text)[1]) for text in ["what a fun party", LONG]]
        found = runtime.predict([text.text for text in TEXTS])
        candidates = runtime.candidates(TEXTS[1].text, 3)
        work = runtime.gpu_work
    judged = compare([(text, trace, exact.trace(text)) for text, trace in traces], exact.spell, 0.005)
    assert judged.problem is None and judged.same_prompt
    python = exact.predict([text.text for text in TEXTS])
    assert [(p.tokens, p.stopped) for p in found] == [(p.tokens, p.stopped) for p in python]
    assert candidates[0].tokens == python[1].tokens and len({c.raw for c in candidates}) == len(candidates)
    layers = read_json(web / "config.json")["num_hidden_layers"]
    assert work is not None and work.dispatches == 8 * layers + 3
    assert work.bytes_read < 5000  # three rows' reports; their logits would be more


def test_it_is_what_the_other_engines_say(web: Path) -> None:
    dtype = read_json(web / "pocketmoji.json")["dtype"]
    answers = []
    for name in (OWN, OWN_GPU):
        with BrowserRuntime(name, web, dtype=dtype) as runtime:
            answers.append([p.tokens for p in runtime.predict([text.text for text in TEXTS])])
    assert answers[0] == answers[1]


def test_a_model_that_it_does_not_know(tiny_web: Path, tmp_path: Path) -> None:
    from pocketmoji.browser_tests.engines.runtimes import EngineFailure

    folder = shutil.copytree(tiny_web, tmp_path / "web")
    with pytest.raises(EngineFailure, match="does not load"), BrowserRuntime(OWN_GPU, folder, dtype="fp32"):
        pass
