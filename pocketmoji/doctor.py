"""What this machine has, and what that means for a run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from pocketmoji.core.errors import MachineError
from pocketmoji.core.extras import missing_packages
from pocketmoji.core.workspace import versions


def examine(chromium: Path | None = None, gpu_required: bool = False) -> dict[str, Any]:
    """Look at hardware, precision, Hub access, Chromium and WebGPU; prints what each means, returns it all."""
    from pocketmoji.core.console import say

    found: dict[str, Any] = {"versions": versions(["torch", "transformers", "peft", "trl", "onnxruntime"])}

    def tell(name: str, value: Any, meaning: str) -> None:
        found[name] = value
        say(f"{name}: {value}\n    {meaning}")

    tell("cores", os.cpu_count(), "training, evaluation and the browser share them")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    enough = "enough" if memory >= 8e9 else "too little: a run needs 8 GB"
    tell("memory_bytes", memory, f"{memory / 2**30:.1f} GiB, {enough}")
    free = shutil.disk_usage(Path.cwd()).free
    tell("disk_free_bytes", free, "enough" if free > 4e9 else "too little: a run needs about 4 GB")
    lacking = {extra: missing_packages(extra) for extra in ("train", "export", "browser")}
    for extra, missing in lacking.items():
        meaning = f"pip install 'pocketmoji[{extra}]' brings {', '.join(missing)}" if missing else f"{extra} can start"
        tell(f"extra_{extra}", not missing, meaning)
    if not lacking["train"]:
        _precision(tell)
        _hub(tell)
    if not lacking["browser"]:
        _browser(tell, chromium, gpu_required)
    return found


def _precision(tell: Any) -> None:
    from pocketmoji.train.loop.precision import choose_precision

    precision = choose_precision()
    gpu = precision.device == "cuda"
    tell("gpu", gpu, "training runs on it" if gpu else "training runs on the CPU: minutes instead of seconds")
    tell("precision", precision.dtype, precision.reason)


def _hub(tell: Any) -> None:
    from huggingface_hub import get_token

    from pocketmoji.core.places import cache_folder
    from pocketmoji.train.base.weights import HUB_BASE, PACKAGE

    token = get_token() is not None
    meaning = f"{HUB_BASE} is tried first" if token else f"the base is the one in the Python package {PACKAGE}"
    tell("hub_token", token, meaning)
    cached = any((cache_folder() / "bases").glob("*/complete"))
    tell("base_cached", cached, "no download needed" if cached else "the first run downloads 238 MB and converts them")


def _browser(tell: Any, chromium: Path | None, gpu_required: bool) -> None:
    from pocketmoji.browser_tests.engines.chromium import probe_webgpu, require_gpu
    from pocketmoji.browser_tests.engines.installed import (
        FONTS_REMEDY,
        NO_GPU_IN_SHELL,
        find_chromium,
        has_fonts,
        is_headless_shell,
    )

    try:
        program = find_chromium(chromium)
        shell = is_headless_shell(program)
        tell("chromium", str(program), NO_GPU_IN_SHELL if shell else "drives the exported model")
        fonts = has_fonts()
        tell("fonts", fonts, "pages can be drawn" if fonts else FONTS_REMEDY)
        adapter = require_gpu(chromium) if gpu_required else probe_webgpu(chromium)
    except MachineError as error:
        if gpu_required:
            raise
        tell("chromium", None, str(error))
        return
    if adapter is None:
        reason = f" ({NO_GPU_IN_SHELL})" if shell else ""
        tell("webgpu", None, f"no adapter: browser-test fails here, the demo falls back to WASM{reason}")
        return
    software = "a software adapter: right, but slow (a minute a text)" if adapter.is_fallback else "a real GPU"
    tell("webgpu", adapter.name, software)
    half = "shader-f16" in adapter.features
    tell("webgpu_features", sorted(adapter.features), f"half precision is {'' if half else 'not '}available to shaders")
