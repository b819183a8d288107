"""`pocketmoji new`: the files that a project of one's own begins with."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

from pocketmoji.core.config import BrowserConfig, DatagenConfig, EvaluateConfig, ExportConfig, Settings, TrainConfig
from pocketmoji.core.console import say
from pocketmoji.core.errors import InputError
from pocketmoji.core.places import SEEDS
from pocketmoji.core.workspace import write_text
from pocketmoji.options import CONFIG

SECTIONS: dict[str, type[Settings]] = {
    "datagen": DatagenConfig,
    "train": TrainConfig,
    "evaluate": EvaluateConfig,
    "export": ExportConfig,
    "browser": BrowserConfig,
}
WORKFLOW = ".github/workflows/pocketmoji.yml"
INTRODUCTION = """# What `pocketmoji run` does in this folder. Options of the command line go before what is said here.
# What stands behind a # is a default.
seeds = "seeds.csv"
name = {name}
runs = "runs"
"""


def new_project(folder: Path) -> list[Path]:
    """Write a seed list to fill in, a configuration file and a CI workflow into `folder`; returns them.

    Nothing is overwritten: InputError if one of them is there.
    """
    files = {
        "seeds.csv": (SEEDS / "template.csv").read_text("utf-8"),
        CONFIG: configuration(folder.resolve().name),
        WORKFLOW: (resources.files("pocketmoji") / "project_files" / "workflow.yml").read_text("utf-8"),
        ".gitignore": "runs/\n",
    }
    there = [name for name in files if (folder / name).exists()]
    if there or (folder.exists() and not folder.is_dir()):
        raise InputError(
            f"{folder / there[0] if there else folder} is there already",
            expected="a new folder, or one without " + ", ".join(files),
            remedy="give another folder: nothing of yours is overwritten",
        )
    for name, text in files.items():
        write_text(folder / name, text)
    say(f"new: {folder} with {', '.join(files)}\n  to do:    fill in seeds.csv, then `pocketmoji run` in that folder")
    return [folder / name for name in files]


def configuration(name: str) -> str:
    """A configuration file in which every option stands with its default, commented out."""
    parts = [INTRODUCTION.format(name=json.dumps(name, ensure_ascii=False))]
    for section, kind in SECTIONS.items():
        parts.append(f"\n[{section}]\n")
        parts += [_line(option, field) for option, field in kind.model_fields.items()]
    return "".join(parts)


def _line(option: str, field: Any) -> str:
    value = "(nothing)" if field.default is None else f"= {json.dumps(field.default, ensure_ascii=False)}"
    return f"# {option} {value}" + (f"  # {field.description}" if field.description else "") + "\n"
