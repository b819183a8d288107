"""The stage `ship`: of all artefacts the folder that goes on the web."""

from __future__ import annotations

import shutil
from pathlib import Path

from pocketmoji.core.console import say
from pocketmoji.core.grid import PRECISIONS
from pocketmoji.core.runtime import stop_token_ids
from pocketmoji.core.text.grammar import GRAMMAR_FILE
from pocketmoji.core.text.memory import MEMORY_FILE
from pocketmoji.core.workspace import digest_file, digest_of, read_json, run_stage, write_json


def ship(export: Path, folder: Path) -> None:
    """The folder that goes on the web: the shipped artefact with its tokenizer, and pocketmoji.json for the page."""

    def work(out: Path) -> None:
        from pocketmoji.export.card import write_card
        from pocketmoji.export.onnx.data import copy_graph
        from pocketmoji.export.onnx.folder import onnx_file
        from pocketmoji.export.probe import find_probe

        chosen = read_json(export / "export.json")
        files = {artefact["name"]: artefact["file"] for artefact in chosen["artefacts"]}
        task = next((name for name in files if name.startswith("litert_")), None)
        asked = [name for name in files if not name.startswith("litertlm")]  # which tells no tokens
        dtype = PRECISIONS[chosen["shipped"].removeprefix("onnx_")].dtype
        # Transformers.js finds the file by its dtype; export tells candidates of the same dtype apart.
        source, file = files[chosen["shipped"]], onnx_file(Path(), dtype).as_posix()
        names = ["config.json", "NOTICE", "tokenizer.json", "tokenizer_config.json", "generation_config.json"]
        tasks = [files[task]] if task else []
        beside = [GRAMMAR_FILE, *([MEMORY_FILE] if (export / MEMORY_FILE).is_file() else [])]
        shutil.rmtree(out / "onnx", ignore_errors=True)
        (out / MEMORY_FILE).unlink(missing_ok=True)  # an earlier export may have had it
        (out / file).parent.mkdir(parents=True)
        for name in [*names, *beside, *tasks]:
            (out / name).unlink(missing_ok=True)
            shutil.copyfile(export / name, out / name)
        data = copy_graph(export / source, out / file)
        settings = read_json(out / "config.json")
        external = {Path(file).name: len(data)} if data else {}
        settings["transformers.js_config"] = {"use_external_data_format": external, "dtype": dtype}
        write_json(out / "config.json", settings)
        write_card(out, chosen, file)
        write_json(
            out / "pocketmoji.json",
            {
                "name": chosen["shipped"],
                "dtype": dtype,
                "onnx_file": file,
                "task_name": task,
                "task_file": files[task] if task else None,
                "stop_token_ids": stop_token_ids(export),
                "max_new_tokens": chosen["max_new_tokens"],
                **{
                    Path(name).stem: {"file": name, "sha256": digest_file(out / name)}  # "grammar", "memory"
                    for name in beside
                },
                "probe": find_probe(export, chosen["shipped"], asked),
                # The page tells half a file by its size.
                "bytes": {
                    path.relative_to(out).as_posix(): path.stat().st_size
                    for path in [out / file, *data, *(out / name for name in [*tasks, *beside])]
                },
            },
        )

    run_stage(
        folder,
        command="ship",
        config={},
        read={"export": digest_of(export)},
        packages=[],
        work=work,
        say=say,
    )
