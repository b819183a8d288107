"""The optional parts of an installation: which extra brings what, by the package's own metadata.

`pip install pocketmoji` makes datasets and scores answers; what trains, exports or drives a browser comes by an extra.
"""

from __future__ import annotations

import re
from importlib import metadata

from pocketmoji.core.errors import MachineError

# Where an import fails that nobody asked about before: the extra that brings the module.
MODULES = {
    "torch": "train",
    "transformers": "train",
    "peft": "train",
    "trl": "train",
    "bitsandbytes": "train",
    "accelerate": "train",
    "datasets": "train",
    "gguf": "train",
    "safetensors": "train",
    "wordfreq": "train",
    "tokenizers": "ask",
    "onnxruntime": "ask",
    "onnx": "export",
    "ai_edge_litert": "export",
    "litert_lm": "export",
    "playwright": "browser",
    "google": "gemini",
    "openai": "openai",
    "aiohttp": "openai",
    "ray": "ray",
    "huggingface_hub": "hub",
}
NEED = re.compile(r"([\w.-]+)(?:\[([\w,-]+)\])?.*?extra == ['\"]([\w-]+)['\"]")


def missing_packages(extra: str) -> list[str]:
    """The packages of an extra, and of those it names, that are not installed; [] where pocketmoji itself is not."""
    try:
        needs = [found.groups() for line in metadata.requires("pocketmoji") or [] if (found := NEED.match(line))]
    except metadata.PackageNotFoundError:
        return []
    missing: list[str] = []
    for name, extras, wanted in needs:
        if wanted != extra:
            continue
        if name == "pocketmoji":
            missing += [package for one in extras.split(",") for package in missing_packages(one)]
        elif not _installed(name):
            missing.append(name)
    return list(dict.fromkeys(missing))


def require_extra(*extras: str, what: str) -> None:
    """MachineError that names the extras to install where packages of theirs are missing. `what` needs them."""
    lacking = {extra: missing for extra in extras if (missing := missing_packages(extra))}
    if lacking:
        names = list(dict.fromkeys(name for missing in lacking.values() for name in missing))
        raise _missing(what, names, list(lacking))


def explain_import(error: ModuleNotFoundError) -> MachineError | None:
    """What to tell of an import that failed for want of an extra; None if it is no module of one."""
    module = (error.name or "").partition(".")[0]
    return _missing("this", [module], [MODULES[module]]) if module in MODULES else None


def _missing(what: str, packages: list[str], extras: list[str]) -> MachineError:
    return MachineError(
        f"{what} needs {', '.join(packages)}, which {'is' if len(packages) == 1 else 'are'} not installed",
        remedy=f"pip install 'pocketmoji[{','.join(extras)}]'",
    )


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
