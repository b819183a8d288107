"""`pocketmoji ask` and the Python face."""

from __future__ import annotations

import io
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pocketmoji.asking import Asked
from pocketmoji.cli import main
from pocketmoji.core.runtime import stop_token_ids
from pocketmoji.core.text.emoji import find_fault
from pocketmoji.core.text.grammar import load_grammar
from pocketmoji.core.text.memory import write_memory
from pocketmoji.core.workspace import read_json
from pocketmoji.evaluate.runtimes.candidates import candidates, share_of
from pocketmoji.evaluate.runtimes.onnx_runtime import OnnxRuntime
from tests.browser_tests.conftest import tiny_web  # noqa: F401  (a fixture)


def test_the_first_answer_is_the_greedy_one_and_all_begin_otherwise(tiny_web: Path) -> None:  # noqa: F811
    asked = Asked(tiny_web)
    file, limit = next(tiny_web.glob("onnx/*.onnx")), read_json(tiny_web / "pocketmoji.json")["max_new_tokens"]
    stops, grammar = stop_token_ids(tiny_web), load_grammar(tiny_web)
    greedy = OnnxRuntime(file, tiny_web, stops, limit, batch_size=1, grammar=grammar).predict(["a party"])[0]
    found = asked.ask("a party", 3).answers
    assert found[0].emoji == greedy.raw and found[0].stopped == greedy.stopped
    assert len({one.emoji for one in found}) == len(found) <= 3
    assert all(find_fault(one.emoji) is None and one.stopped for one in found)  # the page has a grammar, so has this
    assert all(0 <= one.probability <= 1 for one in found)
    assert [one.probability for one in found[1:]] == sorted((one.probability for one in found[1:]), reverse=True)


def test_torch_begins_with_its_greedy_answer_too(tiny_model: Path) -> None:
    from pocketmoji.evaluate.runtimes.torch_runtime import TorchRuntime

    model = TorchRuntime(tiny_model, stop_token_ids(tiny_model), 4, batch_size=1)
    found = candidates(model, "a party", 2)
    assert found[0].emoji == model.predict(["a party"])[0].raw
    assert candidates(model, "a party", 2) == found


def test_only_what_a_grammar_allows_is_said(tiny_model: Path) -> None:
    from pocketmoji.evaluate.runtimes.torch_runtime import TorchRuntime

    model = TorchRuntime(tiny_model, [1], 4, batch_size=1)
    found = candidates(model, "a party", 3, lambda answer: [1] if answer else [40, 41])
    assert len(found) == 2 and all(one.stopped for one in found)
    assert math.isclose(sum(one.probability for one in found), 1, rel_tol=1e-6)


def test_the_command_line_by_line_as_json(
    tiny_web: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a party\n\na cat\n"))
    assert main(["ask", str(tiny_web), "--json", "--candidates", "2"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["text"] for line in lines] == ["a party", "a cat"]
    assert all(
        set(one) == {"emoji", "probability", "stopped", "from_memory"} for line in lines for one in line["answers"]
    )


@pytest.fixture
def with_list(tiny_web: Path, tmp_path: Path) -> Path:  # noqa: F811
    """The tiny model with a list beside it."""
    web = shutil.copytree(tiny_web, tmp_path / "web")
    write_memory(web, [("what a fun party", "🎉🥳"), ("the coffee is cold", "☕")])
    return web


def test_a_phrase_of_the_list_is_answered_first_with_the_probability_that_the_model_gives_it(with_list: Path) -> None:
    asked = Asked(with_list)
    alone = Asked(with_list, memory=False).ask("a fun party!", 3).answers
    first, *others = asked.ask("a fun party!", 3).answers
    assert (first.emoji, first.from_memory, first.stopped) == ("🎉🥳", "what a fun party", True)
    assert 0 < first.probability < 1
    assert others == alone[:2] and all(one.from_memory is None for one in alone)
    assert asked.ask("qqq", 3) == Asked(with_list, memory=False).ask("qqq", 3)  # nothing like it is on the list


def test_the_probability_of_what_the_model_says_is_the_one_that_it_has_as_a_candidate(tiny_model: Path) -> None:
    from pocketmoji.evaluate.runtimes.torch_runtime import TorchRuntime

    model = TorchRuntime(tiny_model, [1], 4, batch_size=1)
    (party,) = model.tokenizer.encode("🎉", add_special_tokens=False).ids
    allowed = lambda answer: [1] if answer else [party, 40]
    (said,) = [one for one in candidates(model, "a party", 3, allowed) if one.emoji == "🎉"]
    assert math.isclose(share_of(model, "a party", "🎉", allowed), said.probability, rel_tol=1e-5)
    assert share_of(model, "a party", "☕", allowed) == 0  # not allowed
    assert share_of(model, "a party", "🎉🎉🎉🎉", None) == 0  # longer than an answer may be


def test_the_command_line_says_what_came_from_the_list(with_list: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", str(with_list), "coffee is cold"]) == 0
    assert "☕  (from your list: the coffee is cold)" in capsys.readouterr().out.splitlines()[0]
    assert main(["ask", str(with_list), "coffee is cold", "--no-memory"]) == 0
    assert "your list" not in capsys.readouterr().out


def test_what_is_no_model_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", str(tmp_path / "none"), "hi"]) == 2
    assert main(["ask", str(tmp_path), "hi"]) == 2
    error = capsys.readouterr().err
    assert "there is no" in error and "holds no model" in error


def test_the_face_is_loaded_when_it_is_used() -> None:
    script = "import sys, pocketmoji; light = set(sys.modules); pocketmoji.api.ask; "
    script += "print(not any(name.startswith(('pydantic', 'rich', 'numpy')) for name in light), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
