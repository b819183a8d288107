"""Asking a model of one's own: a web folder, an ONNX file or a merged model's folder in, answers out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pocketmoji.core.errors import InputError
from pocketmoji.core.extras import require_extra
from pocketmoji.core.records import Record
from pocketmoji.core.runtime import stop_token_ids
from pocketmoji.core.text.grammar import GRAMMAR_FILE, load_grammar
from pocketmoji.core.text.memory import is_same, merge, read_memory
from pocketmoji.core.workspace import read_object

LONGEST = 16  # tokens of an answer where the folder does not say


class Answer(Record):
    """One answer: `probability` is the model's of exactly these tokens, whoever said them; not `stopped`: it was cut
    off at its longest. `from_memory`: the phrase of the list that it was recalled from; None: the model's own."""

    emoji: str
    probability: float
    stopped: bool
    from_memory: str | None = None


class Answers(Record):
    """What a model says to a text: the greedy answer first, as the page has it, then others that begin otherwise. What
    the list has for nearly the same phrase stands before or among them."""

    text: str
    answers: list[Answer]


class Asked:
    """A model that is loaded and can be asked. Without torch where the folder has an ONNX file; held to whole emoji, as
    the page is, where it has a grammar; with the list beside it, where the folder has that and `memory` is wanted."""

    def __init__(self, model: Path, memory: bool = True) -> None:
        opened, folder = _open(model)
        self._model: Any = opened
        self._memory = read_memory(folder) if memory else None

    def ask(self, text: str, count: int = 3) -> Answers:
        """At most `count` answers; InputError for a text without anything in it."""
        from pocketmoji.evaluate.runtimes.candidates import candidates, share_of

        if not text.strip():
            raise InputError("the text is empty", expected="a phrase")
        if count < 1:
            raise InputError(f"{count} answers are wanted", expected="1 or more")
        allowed = self._allowed if self._model.grammar else None
        found = candidates(self._model, text, count, allowed)
        recalled = self._memory.recall(text) if self._memory else None
        answers = []
        for emoji, phrase in merge([one.emoji for one in found], recalled, count):
            said = next((one for one in found if is_same(one.emoji, emoji)), None)
            share = said.probability if said else share_of(self._model, text, emoji, allowed)
            stopped = phrase is not None or (said is not None and said.stopped)
            answers.append(Answer(emoji=emoji, probability=share, stopped=stopped, from_memory=phrase))
        return Answers(text=text, answers=answers)

    def _allowed(self, answer: Sequence[int]) -> Sequence[int]:
        found: Sequence[int] = self._model.grammar.allowed(answer, self._model.max_new_tokens).tolist()
        return found


def ask_each(model: Path, texts: Iterable[str], count: int = 3, memory: bool = True) -> Iterator[Answers]:
    """Loads the model, then the answers to each text as they come."""
    asked = Asked(model, memory)
    for text in texts:
        yield asked.ask(text, count)


def _open(target: Path) -> tuple[Any, Path]:
    """The model, and the folder that has what lies beside it."""
    from pocketmoji.evaluate.runtimes.candidates import find_artefact
    from pocketmoji.evaluate.runtimes.model_folder import find_model_folder, prompt_renderer

    if not target.exists():
        raise InputError(
            f"there is no {target}",
            expected="a folder that `pocketmoji run` wrote as web/ or model/, or an ONNX file in one",
            remedy="make one: pocketmoji run --seeds mine.csv",
        )
    if file := find_artefact(target):
        require_extra("ask", what="asking an ONNX file")
        from pocketmoji.evaluate.runtimes.onnx_runtime import OnnxRuntime

        folder = target if target.is_dir() else find_model_folder(file)
        card = read_object(folder / "pocketmoji.json")
        stops = card.get("stop_token_ids") or stop_token_ids(folder)
        limit, held = int(card.get("max_new_tokens") or LONGEST), (folder / GRAMMAR_FILE).is_file()
        grammar = load_grammar(folder) if held else None
        return OnnxRuntime(file, folder, stops, limit, batch_size=1, grammar=grammar), folder
    if not (target / "model.safetensors").is_file():
        raise InputError(
            f"{target} holds no model", expected="onnx/*.onnx, or model.safetensors with its tokenizer", where=target
        )
    require_extra("train", what="asking a model without an ONNX file")
    from pocketmoji.evaluate.runtimes.torch_runtime import TorchRuntime

    asked = prompt_renderer(target)
    return TorchRuntime(target, stop_token_ids(target), LONGEST, batch_size=1, rendered=asked), target
