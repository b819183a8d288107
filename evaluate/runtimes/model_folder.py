"""What a model folder says of itself: how it wants to be asked, what identifies it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pocketmoji.core.errors import InputError
from pocketmoji.core.text.prompt import START_OF_TURN, asked, messages
from pocketmoji.core.workspace import digest_file, read_object

# What decides an answer; an adapter beside a merged model, its curve and its card do not.
WEIGHTS = ("*.safetensors", "*.bin", "*.json", "*.model", "*.jinja")


def find_model_folder(file: Path) -> Path:
    """The folder at or above an artefact that has its tokenizer: an ONNX file lies in onnx/ below it."""
    for folder in (file.parent, file.parent.parent):
        if (folder / "tokenizer.json").is_file():
            return folder
    raise InputError(
        f"no tokenizer.json beside {file.name}",
        expected="the artefact in the folder that export wrote, or the tokenizer beside it",
        where=file.parent,
    )


def prompt_renderer(folder: Path) -> Callable[[str], str]:
    """How a text is put to the model in `folder`: the project's prompt for a Gemma, else its own chat template around
    the text as it was typed.

    Any Hugging Face causal model can be evaluated, but not one without a template: its answers would say nothing.
    """
    if START_OF_TURN in (folder / "tokenizer.json").read_text("utf-8"):
        return asked
    template = folder / "chat_template.jinja"
    if not template.is_file() and not read_object(folder / "tokenizer_config.json").get("chat_template"):
        raise InputError(
            "the model has no chat template",
            expected="chat_template in tokenizer_config.json, or chat_template.jinja",
            where=folder,
            remedy="evaluate an instruction-tuned model, or tune this one first",
        )
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)

    def rendered(text: str) -> str:
        system, user = messages(text)
        # Templates that can think are told not to; the others do not look at it.
        options: dict[str, Any] = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": False}
        try:
            return str(tokenizer.apply_chat_template([system, user], **options))
        except Exception:  # a template without a system turn raises what it likes; then it goes before the user's
            joined = {"role": "user", "content": f"{system['content']}\n\n{user['content']}"}
            return str(tokenizer.apply_chat_template([joined], **options))

    return rendered


def resolve_model(target: str) -> Path:
    """A local model folder, or that of a Hub repository, downloaded if it is not there yet."""
    folder = Path(target)
    if not folder.is_dir() and target.count("/") == 1 and not target.startswith((".", "/", "~")):
        folder = _from_hub(target)
    for name in ("config.json", "tokenizer.json"):
        if not (folder / name).is_file():
            raise InputError(
                f"{target} is no model folder: {name} is missing"
                if folder.is_dir()
                else f"there is no folder {target}",
                expected="config.json, tokenizer.json and the weights, as train writes them",
                where=folder,
            )
    return folder


def _from_hub(repository: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repository, allow_patterns=list(WEIGHTS)))
    except Exception as error:  # no network, no such repository, no licence accepted: all mended by the user
        raise InputError(
            f"{repository!r} is no folder, and the Hub did not give it: {str(error).splitlines()[0]}",
            expected="a model folder, or a repository of the Hugging Face Hub",
        ) from error


def folder_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of the files in a model folder (not below it) that decide what it answers."""
    names = {path for pattern in WEIGHTS for path in folder.glob(pattern)}
    decides = sorted(path for path in names if path.name not in ("manifest.json", "training.json"))
    return {path.name: digest_file(path) for path in decides}
