"""What `--runtime` says: which runtime, which artefact, under which name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pocketmoji.core.errors import InputError
from pocketmoji.evaluate.scoring.answering import file_stem
from pocketmoji.evaluate.scoring.with_grammar import WITH_GRAMMAR

KINDS = {
    "torch": "torch:DIR (a model folder or a repository of the Hugging Face Hub)",
    "onnxruntime": "onnxruntime:FILE.onnx",
    "litert": "litert:FILE.task or .tflite",
    "litert-lm": "litert-lm:FILE.litertlm",
    "pocketmoji": "pocketmoji:WEB (the page's own engine, on a folder that export wrote)",
    "transformers.js": "transformers.js:WEB or WEB/wasm, WEB/webgpu (a folder that export wrote)",
    "mediapipe": "mediapipe:WEB",
    "predictions": "predictions:FILE.jsonl (answers that were given elsewhere: text and raw)",
    "openai": "openai:URL#MODEL (a server that speaks OpenAI's chat completions)",
}
TELL_LOGITS = ("torch", "onnxruntime", "litert", "pocketmoji", "transformers.js")
NAME = re.compile(r"[A-Za-z0-9_.+/-]+")
DEVICES = {"pocketmoji": ("wasm",), "transformers.js": ("wasm", "webgpu"), "mediapipe": ("webgpu",)}


@dataclass(frozen=True)
class RuntimeSpec:
    """`kind` is a word of the design (and "openai"), `target` a folder, a file or an address, `device` a browser's.
    `grammar`: only whole emoji can be said."""

    name: str
    kind: str
    target: str
    device: str = ""
    grammar: bool = False

    @property
    def path(self) -> Path:
        return Path(self.target)


def parse_spec(given: str) -> RuntimeSpec:
    """[NAME=]KIND[+grammar]:TARGET. Without a name it is made of the kind and the target: torch-model,
    onnxruntime-model_q4, transformers.js/wasm+grammar."""
    head, _, rest = given.partition("=")
    named = bool(rest) and ":" not in head
    name, described = (head, rest) if named else ("", given)
    kind, separator, target = described.partition(":")
    grammar = kind.endswith(WITH_GRAMMAR)
    kind = kind.removesuffix(WITH_GRAMMAR)
    if kind not in KINDS or not separator or not target:
        raise InputError(f"--runtime is {given!r}", expected="[NAME=]KIND:TARGET with one of\n            " + _listed())
    device = ""
    if kind in DEVICES:
        device = DEVICES[kind][0]
        base, _, last = target.rpartition("/")
        if base and last in ("wasm", "webgpu"):
            target, device = base, last
        if device not in DEVICES[kind]:
            raise InputError(f"--runtime is {given!r}", expected=f"{kind} runs on {' or '.join(DEVICES[kind])}")
    if kind == "openai" and not re.fullmatch(r"[^#]+#.+", target):
        raise InputError(f"--runtime is {given!r}", expected="openai:http://HOST/v1#MODEL")
    if grammar and kind not in TELL_LOGITS:
        raise InputError(
            f"--runtime is {given!r}",
            expected=f"a grammar with {', '.join(TELL_LOGITS)}: {kind} does not say what else it could have chosen",
        )
    name = name or _default_name(kind, target, device) + (WITH_GRAMMAR if grammar else "")
    if not NAME.fullmatch(name):
        raise InputError(
            f"a runtime is named {name!r}", expected="letters, digits and _ . + / -", remedy=f"NAME={described}"
        )
    return RuntimeSpec(name, kind, target, device, grammar)


def parse_specs(given: Sequence[str]) -> list[RuntimeSpec]:
    """All of them; two under one name (or one file name) is an InputError."""
    specs = [parse_spec(one) for one in given]
    stems = [file_stem(spec.name) for spec in specs]
    for i, stem in enumerate(stems):
        if stem in stems[:i]:
            raise InputError(
                f"two runtimes are named {specs[i].name!r}",
                expected="each has a name of its own",
                remedy="give them names: --runtime before=torch:A --runtime after=torch:B",
            )
    return specs


def _default_name(kind: str, target: str, device: str) -> str:
    if device:
        return f"{kind}/{device}"
    tail = target.rsplit("#", 1)[-1] if kind == "openai" else Path(target).resolve().name
    if kind in ("onnxruntime", "litert", "litert-lm", "predictions"):
        tail = Path(target).stem
    return f"{kind}-{re.sub(r'[^A-Za-z0-9_.+-]', '_', tail)}"


def _listed() -> str:
    can = ", ".join(TELL_LOGITS)
    return "\n            ".join([*KINDS.values(), f"KIND{WITH_GRAMMAR}:TARGET says whole emoji only ({can})"])
