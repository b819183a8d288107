"""An ONNX file and, beside it, the data files that a graph above protobuf's 2 GB leaves its weights to.

The data files are named and counted as Transformers.js looks for them: model_q4.onnx_data, model_q4.onnx_data_1, ...
(utils/model-loader.js), their number in config.json under transformers.js_config.use_external_data_format.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from onnx import TensorProto, load
from onnx.external_data_helper import set_external_data
from onnx.onnx_ml_pb2 import ModelProto

from pocketmoji.core.workspace import atomic_path

LARGEST = 2**31 - 1  # bytes of a protobuf message, and of what a browser holds in one piece
ALIGNED = 4096
SMALL = 1024  # bytes up to which a tensor stays in the graph: shapes must be known before the data is read


def write_graph(graph: ModelProto, path: Path, largest: int = LARGEST) -> list[Path]:
    """Write `graph`, its weights in data files if it is larger than `largest` bytes; returns the data files.

    Takes the weights out of `graph` in that case.
    """
    tensors = [tensor for tensor in graph.graph.initializer if len(tensor.raw_data) > SMALL]
    files: list[Path] = []
    if sum(len(tensor.raw_data) for tensor in graph.graph.initializer) > largest:
        files = _write_data(tensors, path, largest)
    with atomic_path(path) as temporary:
        temporary.write_bytes(graph.SerializeToString(deterministic=True))
    for stale in data_files(path)[len(files) :]:
        stale.unlink()
    return files


def data_files(path: Path) -> list[Path]:
    """The data files beside the ONNX file `path`, in order."""
    found: list[Path] = []
    while (file := _data_file(path, len(found))).is_file():
        found.append(file)
    return found


def bytes_of(path: Path) -> int:
    """Size of the ONNX file and its data files together."""
    return sum(file.stat().st_size for file in [path, *data_files(path)])


def copy_graph(source: Path, target: Path) -> list[Path]:
    """Copy an ONNX file and its data files under the target's name; returns the copied data files."""
    data = data_files(source)
    if not data:
        shutil.copyfile(source, target)
        return []
    graph = load(source, load_external_data=False)
    for tensor in graph.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = entry.value.replace(source.name, target.name, 1)
    copies = [_data_file(target, number) for number in range(len(data))]
    for file, copy in zip(data, copies, strict=True):
        shutil.copyfile(file, copy)
    target.write_bytes(graph.SerializeToString(deterministic=True))
    return copies


def _data_file(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}_data" + (f"_{number}" if number else ""))


def _write_data(tensors: list[TensorProto], path: Path, largest: int) -> list[Path]:
    files: list[Path] = []
    waiting = list(tensors)
    while waiting:
        file, end = _data_file(path, len(files)), 0
        with atomic_path(file) as temporary, temporary.open("wb") as out:
            while waiting:
                tensor = waiting[0]
                data, start = tensor.raw_data, -(-end // ALIGNED) * ALIGNED
                if end and start + len(data) > largest:
                    break
                out.write(bytes(start - end) + data)
                set_external_data(tensor, file.name, start, len(data))
                tensor.ClearField("raw_data")
                end = start + len(data)
                waiting.pop(0)
        files.append(file)
    return files
