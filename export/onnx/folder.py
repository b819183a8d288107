"""The folder that Transformers.js loads: onnx/model_*.onnx beside config, generation config and tokenizer."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from pocketmoji.core.console import say
from pocketmoji.core.grid import PRECISIONS, Floats
from pocketmoji.core.notice import write_notice
from pocketmoji.core.workspace import read_json, write_json
from pocketmoji.export.onnx.data import bytes_of, write_graph
from pocketmoji.export.onnx.graph import build_graph
from pocketmoji.export.onnx.rounding import Way, choose_rounding

# The file's suffix is what Transformers.js derives from its dtype: "_q4" for q4, "_quantized" for q8, "" for fp32.
SUFFIXES = {"q4": "_q4", "q8": "_quantized", "fp32": ""}
MAX_POSITIONS = 1024
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "generation_config.json")


def onnx_file(folder: Path, name: str) -> Path:
    """Where the artefact of a precision (a key of PRECISIONS) lies; in a web folder, that of a dtype."""
    dtype, *grid = name.split("-")
    return folder / "onnx" / f"{'-'.join([f'model{SUFFIXES[dtype]}', *grid])}.onnx"


def export_onnx(
    model: Path, folder: Path, names: Sequence[str] = ("q4", "q8"), base: str = "Gemma 3", way: Way = "auto"
) -> list[Path]:
    """Write the merged model in `model` as ONNX artefacts; returns their paths. Byte for byte the same each time.

    `way`: how layers that were not trained through the artefact's grid are rounded to it, see export/onnx/rounding.py.
    """
    from safetensors import safe_open

    config = read_json(model / "config.json")
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    for name in TOKENIZER_FILES:
        shutil.copyfile(model / name, folder / name)
    web = {key: value for key, value in config.items() if key != "quantization_config"}
    write_notice(folder, base, "tuned, merged and converted to ONNX")
    paths, external = [], {}
    with safe_open(str(model / "model.safetensors"), "pt") as weights:

        def tensor(name: str) -> Floats:
            array: Floats = weights.get_tensor(name).float().numpy()
            return array

        for name in names:
            rounding, why = choose_rounding(way, model, name)
            made = build_graph(config, tensor, PRECISIONS[name], MAX_POSITIONS, rounding)
            path = onnx_file(folder, name)
            data = write_graph(made, path)
            if data:
                external[path.name] = len(data)
            say(f"export: {path.name} {bytes_of(path) / 1e6:.1f} MB" + (f", rounding: {why}" if why else ""))
            paths.append(path)
    web["transformers.js_config"] = {"use_external_data_format": external, "dtype": PRECISIONS[names[0]].dtype}
    write_json(folder / "config.json", web)
    return paths
