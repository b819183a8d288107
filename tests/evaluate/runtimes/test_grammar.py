"""Runtimes that choose with the emoji grammar."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pocketmoji.core.errors import InputError
from pocketmoji.core.records import Prediction
from pocketmoji.core.text.emoji import find_fault
from pocketmoji.core.text.grammar import make_grammar
from pocketmoji.evaluate.runtimes.onnx_runtime import OnnxRuntime
from pocketmoji.evaluate.runtimes.runtime_spec import parse_spec
from pocketmoji.evaluate.runtimes.torch_runtime import TorchRuntime
from pocketmoji.evaluate.scoring.with_grammar import answers_with_grammar

STOP, LIMIT = [1], 6


def random_texts(count: int) -> list[str]:
    source = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz     ÄÖéß日本🎉👍?!.,#0123"
    return ["".join(source.choices(letters, k=source.randint(3, 8))) for _ in range(count)]


def whole(predictions: list[Prediction]) -> bool:
    return all(one.stopped and find_fault(one.raw) is None for one in predictions)


def test_a_random_model_answers_10_000_random_texts_with_whole_emoji(tiny_model: Path) -> None:
    grammar = make_grammar(tiny_model)
    found = TorchRuntime(tiny_model, STOP, LIMIT, batch_size=500, grammar=grammar).predict(random_texts(10_000))
    assert len(found) == 10_000 and whole(found)
    assert len({one.raw for one in found}) > 50


def test_every_runtime_says_the_same_with_it(tiny_model: Path, tmp_path: Path) -> None:
    from pocketmoji.export.onnx.folder import export_onnx, onnx_file

    texts, grammar = random_texts(20), make_grammar(tiny_model)
    export_onnx(tiny_model, tmp_path, ["fp32"])
    file = onnx_file(tmp_path, "fp32")
    with_torch = TorchRuntime(tiny_model, STOP, LIMIT, batch_size=8, grammar=grammar).predict(texts)
    with_onnx = OnnxRuntime(file, tmp_path, STOP, LIMIT, batch_size=3, grammar=grammar).predict(texts)
    assert whole(with_torch) and [one.tokens for one in with_onnx] == [one.tokens for one in with_torch]
    # Prompts that have no beginning in common go through transformers' own generate().
    odd = TorchRuntime(tiny_model, STOP, LIMIT, batch_size=8, rendered=lambda text: text + " ", grammar=grammar)
    assert whole(odd.predict(["what a fun party", "my cat"]))


def test_an_answer_that_is_whole_is_not_asked_for_again(tiny_model: Path) -> None:
    grammar = make_grammar(tiny_model)
    texts = random_texts(40)
    raw = TorchRuntime(tiny_model, STOP, LIMIT, batch_size=64).predict(texts)
    wholes = [one.model_copy(update={"tokens": [*grammar.allowed([], 2)[:1].tolist(), 1]}) for one in raw[:1]]
    asked: list[str] = []

    def answer(refused: list[str]) -> list[Prediction]:
        asked.extend(refused)
        return TorchRuntime(tiny_model, STOP, LIMIT, batch_size=64, grammar=grammar).predict(refused)

    found = answers_with_grammar([*wholes, *raw[1:]], grammar, answer)
    assert found[0] is wholes[0] and asked == [one.text for one in raw[1:] if not grammar.accepts(one.tokens)]
    assert whole(found[1:])


def test_how_a_command_asks_for_it() -> None:
    spec = parse_spec("onnxruntime+grammar:web/onnx/model_q4.onnx")
    assert (spec.kind, spec.grammar, spec.name) == ("onnxruntime", True, "onnxruntime-model_q4+grammar")
    assert parse_spec("shown=transformers.js+grammar:web").name == "shown"
    assert not parse_spec("torch:model").grammar
    for kind in ("litert-lm:model.litertlm", "mediapipe:web", "openai:http://host/v1#m"):
        with pytest.raises(InputError, match="grammar"):
            parse_spec(kind.replace(":", "+grammar:", 1))
