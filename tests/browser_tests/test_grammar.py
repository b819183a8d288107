"""The page chooses with the emoji grammar; its raw answers stay what is scored."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.browser_tests.check import browser_test
from pocketmoji.browser_tests.checks.emoji_only import grammar_problem
from pocketmoji.browser_tests.engines.runtimes import BrowserRuntime, EngineFailure
from pocketmoji.core.config import BrowserConfig
from pocketmoji.core.records import EvaluationText, Prediction, Scores, read_jsonl
from pocketmoji.core.text.emoji import find_fault
from pocketmoji.core.text.grammar import Grammar, load_grammar, make_grammar
from pocketmoji.core.workspace import digest_file, read_json, write_json
from tests.browser_tests.conftest import NEW_TOKENS, STOP, TEXTS

WASM = "transformers.js/wasm"
ASKED = [text.text for text in TEXTS] + ["zebra quartz picnic", "1", "é日本", "🎉"]


@pytest.mark.browser
def test_babble_becomes_whole_emoji_the_same_as_in_python(tiny_web: Path, in_python: list[Prediction]) -> None:
    from pocketmoji.evaluate.runtimes.onnx_runtime import OnnxRuntime

    grammar = load_grammar(tiny_web)
    file = tiny_web / "onnx/model.onnx"
    python = OnnxRuntime(file, tiny_web, STOP, NEW_TOKENS, batch_size=1, grammar=grammar).predict(ASKED)
    with BrowserRuntime(WASM, tiny_web, grammar=True) as runtime:
        answers = runtime.predict(ASKED)
        several = [one for text in ASKED for one in runtime.candidates(text, 3, grammar=True)]
        raw = runtime.candidates(TEXTS[0].text, 1)[0]
        runtime.show(ASKED[0])
        shown = runtime.page.eval_on_selector_all("button.candidate", "all => all.map(one => one.dataset.raw)")
    assert [one.tokens for one in answers] == [one.tokens for one in python]
    assert all(one.stopped and find_fault(one.raw) is None for one in [*answers, *several])
    assert shown and all(find_fault(one) is None for one in shown)
    assert raw.tokens == in_python[0].tokens and find_fault(raw.raw)  # babble, as it always was


@pytest.mark.browser
def test_the_check_keeps_both(tiny_web: Path, in_python: list[Prediction], tmp_path: Path) -> None:
    config = BrowserConfig(webgpu_texts=0, logit_texts=0)
    report = browser_test(tiny_web, TEXTS, {"transformers.js": in_python}, config, tmp_path)
    assert report.engines[WASM].status == "passed" and report.engines[WASM].scores is not None
    assert report.engines[WASM].scores.compliance.value < 1
    scores = Scores.model_validate_json((tmp_path / "transformers.js-wasm+grammar.scores.json").read_text("utf-8"))
    assert scores.compliance.value == 1 and scores.n == len(TEXTS)
    shown = read_jsonl(tmp_path / "transformers.js-wasm+grammar.predictions.jsonl", Prediction)
    assert [one.text for one in shown] == [text.text for text in TEXTS]


@pytest.mark.browser
def test_a_traced_answer_that_is_whole_emoji_is_not_asked_for_twice(
    taught: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = Path(shutil.copytree(taught[0], tmp_path / "web"))
    grammar = make_grammar(web).write(web)
    card = read_json(web / "pocketmoji.json")
    write_json(web / "pocketmoji.json", card | {"grammar": {"file": grammar.name, "sha256": digest_file(grammar)}})
    texts = read_jsonl(taught[1] / "texts.jsonl", EvaluationText)[:2]
    python = read_jsonl(taught[1] / "tuned.predictions.jsonl", Prediction)
    asked: list[tuple[str, object]] = []
    real = BrowserRuntime._answers

    def answers(self: BrowserRuntime, text: str, options: dict[str, Any]) -> list[dict[str, Any]]:
        asked.append((text, options["grammar"]))
        return real(self, text, options)

    monkeypatch.setattr(BrowserRuntime, "_answers", answers)
    config = BrowserConfig(webgpu_texts=0, transformers_texts=0, logit_texts=1)
    report = browser_test(web, texts, {"onnx": python}, config, tmp_path / "out")
    result = report.engines["pocketmoji/wasm"]
    assert (result.status, result.parity) == ("passed", 1) and result.logits is not None
    traced, other = (text.text for text in texts)
    assert asked == [(traced, True), (other, False), (other, True)]
    shown = read_jsonl(tmp_path / "out/pocketmoji-wasm+grammar.predictions.jsonl", Prediction)
    raw = read_jsonl(tmp_path / "out/pocketmoji-wasm.predictions.jsonl", Prediction)
    assert [p.tokens for p in shown] == [p.tokens for p in raw]


@pytest.mark.browser
def test_a_grammar_of_another_export_is_refused(tiny_web: Path, tmp_path: Path) -> None:
    web = tmp_path / "web"
    shutil.copytree(tiny_web, web)
    card = read_json(web / "pocketmoji.json")
    write_json(web / "pocketmoji.json", card | {"grammar": card["grammar"] | {"sha256": "0" * 64}})
    with pytest.raises(EngineFailure, match="is not the file that was exported"), BrowserRuntime(WASM, web):
        pass


def test_what_is_wrong_with_answers(tiny_web: Path) -> None:
    grammar: Grammar = load_grammar(tiny_web)
    emoji = [int(token) for token in grammar.allowed([], 2)[:2]]
    say = lambda *tokens: Prediction(text="t", raw=str(tokens), tokens=list(tokens), stopped=True, seconds=0)
    fine = [(say(emoji[0], 1), say(emoji[0], 1)), (say(300, 1), say(emoji[1], 1)), (say(emoji[0], 1), None)]
    assert grammar_problem(grammar, fine) == ""
    assert "not whole emoji" in grammar_problem(grammar, [(say(300, 1), say(300, 1))])
    assert "although" in grammar_problem(grammar, [(say(emoji[0], 1), say(emoji[1], 1))])
