"""From what `--runtime` says to a runtime that answers, and to what its answers depend on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from pocketmoji.core.config import EvaluateConfig
from pocketmoji.core.errors import InputError
from pocketmoji.core.extras import require_extra
from pocketmoji.core.runtime import Runtime, stop_token_ids
from pocketmoji.core.text.grammar import Grammar, load_grammar
from pocketmoji.core.text.prompt import asked, render
from pocketmoji.core.workspace import digest_file, digest_json, versions
from pocketmoji.evaluate.runtimes.model_folder import find_model_folder, folder_digests, prompt_renderer, resolve_model
from pocketmoji.evaluate.runtimes.runtime_spec import RuntimeSpec
from pocketmoji.evaluate.runtimes.tokens import load_tokenizer

Opener = Callable[[RuntimeSpec, EvaluateConfig], AbstractContextManager[Runtime]]
"""Opens a kind of runtime that this folder may not import: the browser's, which the pipeline brings."""

LIBRARIES = {
    "torch": ["torch", "transformers"],
    "onnxruntime": ["onnxruntime"],
    "litert": ["ai-edge-litert"],
    "litert-lm": ["litert-lm-api"],
    "pocketmoji": ["playwright"],
    "transformers.js": ["playwright"],
    "mediapipe": ["playwright"],
}

AS_TYPED = "#SomeText"  # shows in a prompt whether it is asked as it was typed
EXTRAS = {"torch": "train", "onnxruntime": "ask", "litert": "export", "litert-lm": "export"}


def require(spec: RuntimeSpec) -> None:
    """MachineError, with the extra to install, unless what runs this kind is installed; openers ask for theirs."""
    if spec.kind in EXTRAS:
        require_extra(EXTRAS[spec.kind], what=f"--runtime {spec.kind}")


@contextmanager
def opened(spec: RuntimeSpec, config: EvaluateConfig, openers: Mapping[str, Opener]) -> Iterator[Runtime]:
    """The runtime of `spec`, its model loaded, for the length of a with-block."""
    if spec.kind in openers:
        with openers[spec.kind](spec, config) as runtime:
            yield runtime
        return
    limit = config.limit
    if spec.kind == "torch":
        from pocketmoji.evaluate.runtimes.torch_runtime import TorchRuntime

        folder = resolve_model(spec.target)
        yield TorchRuntime(
            folder,
            stop_token_ids(folder),
            limit,
            config.batch_size,
            rendered=prompt_renderer(folder),
            grammar=_grammar(spec, folder),
        )
    elif spec.kind == "onnxruntime":
        from pocketmoji.evaluate.runtimes.onnx_runtime import OnnxRuntime

        folder = find_model_folder(_existing(spec.path))
        # One text at a time, as the browser does it: the kernels for several rows round differently.
        yield OnnxRuntime(
            spec.path, folder, stop_token_ids(folder), limit, batch_size=1, grammar=_grammar(spec, folder)
        )
    elif spec.kind == "litert":
        from pocketmoji.evaluate.runtimes.litert_runtime import LitertRuntime

        folder = find_model_folder(_existing(spec.path))
        yield LitertRuntime(spec.path, folder, stop_token_ids(folder), limit, _grammar(spec, folder))
    elif spec.kind == "litert-lm":
        from pocketmoji.evaluate.runtimes.litert_lm_runtime import LitertLmRuntime

        folder = find_model_folder(_existing(spec.path))
        yield LitertLmRuntime(spec.path, folder, stop_token_ids(folder), limit)
    elif spec.kind == "openai":
        from pocketmoji.evaluate.runtimes.openai_runtime import OpenaiRuntime

        address, _, model = spec.target.partition("#")
        yield OpenaiRuntime(address, model, limit)
    elif spec.kind == "predictions":
        from pocketmoji.evaluate.runtimes.predictions_file import PredictionsFile

        yield PredictionsFile(_existing(spec.path))
    else:
        raise InputError(f"{spec.kind} cannot be opened here", expected=f"one of {', '.join(LIBRARIES)}")


def identity(spec: RuntimeSpec, config: EvaluateConfig) -> dict[str, Any]:
    """All that the answers depend on, by content: artefact, prompt, settings, versions. Not the name, not the path.

    An endpoint's weights cannot be seen: it is known by its address and the name of its model.
    """
    settings: dict[str, Any] = {"max_new_tokens": config.limit}
    if spec.kind == "torch":
        folder = resolve_model(spec.target)
        files = folder_digests(folder)
        settings["batch_size"] = config.batch_size
        prompt = prompt_renderer(folder)(AS_TYPED)
    elif spec.kind in ("onnxruntime", "litert", "litert-lm"):
        folder = find_model_folder(_existing(spec.path))
        files = {spec.path.name: digest_file(spec.path)} | _digests(folder)
        prompt = asked(AS_TYPED)
    elif spec.kind == "openai":
        files, prompt = {"endpoint": spec.target}, render(AS_TYPED)
    elif spec.kind == "predictions":
        files, prompt, settings = {"predictions": digest_file(_existing(spec.path))}, "", {}
    else:
        card = spec.path / "pocketmoji.json"
        if not card.is_file():
            raise InputError("no pocketmoji.json", expected="a folder that export wrote", where=spec.path)
        used = sorted(path for path in spec.path.rglob("*") if path.suffix in (".onnx", ".task", ".json"))
        files = {
            path.relative_to(spec.path).as_posix(): digest_file(path) for path in used if path.name != "manifest.json"
        }
        settings["device"] = spec.device
        prompt = asked(AS_TYPED)
    if spec.grammar:
        if spec.kind in ("pocketmoji", "transformers.js"):
            folder = spec.path
        settings["grammar"] = digest_json(load_grammar(folder).as_json())
    about = versions(LIBRARIES.get(spec.kind, []))
    about.pop("python")
    return {"kind": spec.kind, "files": files, "prompt": prompt, "settings": settings, "versions": about}


def _grammar(spec: RuntimeSpec, folder: Path) -> Grammar | None:
    return load_grammar(folder) if spec.grammar else None


def artefact_digest(about: Mapping[str, Any]) -> str:
    """One digest of an artefact's files, from its `identity`."""
    return digest_json(about["files"])


def tokenizer_folder(spec: RuntimeSpec) -> Path | None:
    """Where a runtime's tokenizer.json is; None for one that does not tell its tokens."""
    if spec.kind in ("openai", "predictions"):
        return None
    if spec.kind == "torch":
        return resolve_model(spec.target)
    return spec.path if spec.device or spec.path.is_dir() else find_model_folder(_existing(spec.path))


def tokenizer_digest(spec: RuntimeSpec) -> str | None:
    """What identifies a runtime's tokenizer, so that token ids are compared only where they mean the same."""
    folder = tokenizer_folder(spec)
    return digest_json(load_tokenizer(folder).get_vocab()) if folder else None


def _digests(folder: Path) -> dict[str, str]:
    names = ("config.json", "generation_config.json", "tokenizer.json")
    return {name: digest_file(folder / name) for name in names if (folder / name).is_file()}


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise InputError(f"there is no file {path.name}", expected="a file", where=path)
    return path
