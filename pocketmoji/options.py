"""The options of each command: from the command line, and for a run from its configuration file."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from pocketmoji.core.config import RunConfig

COMMANDS = {
    "run": "all stages: from a seed list to a model that is verified in a browser",
    "datagen": "seeds to a dataset of paraphrases",
    "train": "a dataset to a tuned, merged model",
    "evaluate": "score models on a dataset's evaluation texts",
    "export": "a merged model to ONNX and LiteRT artefacts, each checked against it",
    "browser-test": "drive a web folder in Chromium and compare its answers",
    "ask": "what a model of yours says to a text, in the terminal",
    "demo": "serve the demo app with a web folder's model",
    "new": "start a project: a seed list, a configuration file, a CI workflow",
    "doctor": "what this machine has, and what that means",
}
CONFIG = "pocketmoji.toml"
CONFIGURED: dict[str, type] = {
    **dict.fromkeys(("seeds", "name", "runs"), str),
    **dict.fromkeys(("datagen", "train", "evaluate", "export", "browser"), dict),
}


class Parser(argparse.ArgumentParser):
    """argparse with this project's errors: what is wrong and what to do, instead of a page of options."""

    def parse(self, given: Sequence[str]) -> argparse.Namespace:
        """The texts of `ask` may stand on both sides of an option; the help of other commands would fail that way."""
        return self.parse_intermixed_args(given) if self.prog.endswith(" ask") else self.parse_args(given)

    def error(self, message: str) -> NoReturn:
        from pocketmoji.core.errors import InputError

        wrong = re.fullmatch(r"unrecognized arguments: (\S+).*", message, re.DOTALL)
        known = [flag for action in self._actions for flag in action.option_strings]
        near = difflib.get_close_matches(wrong[1], known, 3, 0.7) if wrong else []
        raise InputError(
            f"{self.prog.removeprefix('pocketmoji ')}: {message}",
            expected=f"an option such as {' or '.join(near)}" if near else "",
            remedy=f"{self.prog} --help shows what it takes",
        )


def parser_of(command: str) -> Parser:
    """The parser of one command. An option that several stages have sets it in all of them."""
    from pocketmoji.core.config import BrowserConfig, DatagenConfig, EvaluateConfig, ExportConfig, TrainConfig

    parser = Parser(prog=f"pocketmoji {command}", description=COMMANDS[command])
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object on standard output")
    groups: dict[str, list[Any]] = {
        "run": [DatagenConfig, TrainConfig, EvaluateConfig, ExportConfig, BrowserConfig],
        "datagen": [DatagenConfig],
        "train": [TrainConfig],
        "evaluate": [EvaluateConfig],
        "export": [ExportConfig, EvaluateConfig],
        "browser-test": [BrowserConfig],
        "demo": [],
        "ask": [],
        "new": [],
        "doctor": [BrowserConfig],
    }
    add = parser.add_argument
    if command == "run":
        own = "texts and their emoji: CSV, JSON, a spreadsheet (docs/seeds.md; default: a list that comes along)"
        add("--seeds", type=Path, help=own)
        add("--name", help="name of the run (default: the seed file's)")
        add("--runs", type=Path, help="folder of all runs (default: runs)")
        add("--config", type=Path, metavar="FILE", help=f"options of a run (default: {CONFIG}, if it is there)")
    if command == "datagen":
        add(
            "seeds",
            type=Path,
            help="texts and their emoji: CSV, JSON, a spreadsheet (docs/seeds.md); or the word inspect",
        )
        add("folder", type=Path, nargs="?", help="after inspect: the dataset folder to look into")
        add("--out", type=Path, help="folder to write into")
        add("--dry-run", action="store_true", help="say what it would cost, and ask nobody")
        add("--preview", type=int, metavar="N", help="show a few paraphrases of the first N seeds, and write nothing")
        add("--push", metavar="OWNER/NAME", help="put the dataset on the Hub afterwards (private)")
    if command in ("train", "evaluate"):
        add("dataset", type=Path, help="folder that datagen wrote")
    if command == "evaluate":
        spec = "torch:DIR, onnxruntime:FILE, litert:FILE, litert-lm:FILE, transformers.js:WEB[/webgpu], mediapipe:WEB, "
        spec += "predictions:FILE, openai:URL#MODEL; KIND+grammar: whole emoji only"
        add("--runtime", action="append", default=[], metavar="[NAME=]KIND:TARGET", help=f"{spec}; may be repeated")
        add(
            "--model",
            action="append",
            default=[],
            metavar="NAME=FOLDER",
            help="the same as --runtime NAME=torch:FOLDER",
        )
        add("--gate", action="append", default=[], help="compliance>=0.99, recall:no-worse, METRIC@NAME<=0.1, ...")
        add("--baseline", type=Path, metavar="FILE", help="what no-worse compares with; made by --write-baseline")
        add("--write-baseline", type=Path, metavar="FILE", help="write this result as a baseline, to be committed")
        add("--cache", type=Path, metavar="DIR", help="where answers are kept (default: the user's cache folder)")
        add("--no-cache", action="store_true", help="neither use nor keep answers")
    if command == "export":
        add("model", type=Path, help="folder of the merged model that train wrote")
        add("evaluation", type=Path, help="folder that evaluate wrote, with the model scored as tuned")
        add("--push", metavar="OWNER/NAME", help="put the web folder on the Hub afterwards (private)")
    if command == "browser-test":
        add("web", type=Path, help="folder that export wrote")
        add("evaluation", type=Path, help="folder that evaluate wrote")
        add("--export", type=Path, help="folder of the artefacts' answers in Python; without it they are computed")
        add("--baseline", type=Path, metavar="WEB", help="another web folder, run in turn: latency as a ratio to it")
        add("--gate", action="append", default=[], help="compliance>=0.98, ttft_ratio<=1.25, METRIC@ENGINE>=LIMIT, ...")
        add("--full", action="store_true", help="every text on WASM instead of a sample")
        add("--text-limit", type=float, default=300, metavar="SECONDS", help="longest wait (default: %(default)s)")
    if command == "demo":
        add("web", type=Path, nargs="?", default=Path("runs/personal/web"), help="web folder (default: %(default)s)")
        add("--port", type=int, default=8000)
        add("--build", type=Path, metavar="DIR", help="write a static site instead, for the host that --host names")
        add("--host", metavar="NAME", help="github-pages, cloudflare, space or any (default: any); with --build")
    if command == "ask":
        add("model", type=Path, help="a web folder, an ONNX file in one, or a merged model's folder")
        told = "what to ask; without any, each line of standard input"
        add("texts", nargs="*", default=[], metavar="TEXT", help=told)
        add("--candidates", type=int, default=3, metavar="N", help="answers to each text (default: %(default)s)")
        add("--no-memory", action="store_true", help="the model alone: the list beside it recalls nothing")
    if command == "new":
        add("folder", type=Path, help="where the project goes; nothing that is there is overwritten")
    if command not in ("run", "datagen", "demo", "doctor", "ask", "new"):
        add("--out", type=Path, required=True, help="folder to write into")
    seen: set[str] = set()
    for group in groups[command]:
        for name, field in group.model_fields.items():
            if name not in seen:
                _add_option(parser, name, field)
                seen.add(name)
    return parser


def _add_option(parser: argparse.ArgumentParser, name: str, field: Any) -> None:
    flag = "--" + name.replace("_", "-")
    text = f"{field.description + '; ' if field.description else ''}default: {field.default}"
    if field.annotation is bool:
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
    else:
        parser.add_argument(flag, default=None, metavar="VALUE", help=text)


def settings(kind: Any, options: argparse.Namespace, configured: Mapping[str, Any] | None = None) -> Any:
    """A stage's settings: the options that were given, then what a configuration file says, then the defaults. A value
    that does not fit is an InputError."""
    from pydantic import ValidationError

    from pocketmoji.core.errors import InputError

    given = {name: getattr(options, name, None) for name in kind.model_fields}
    given = {name: value for name, value in given.items() if value is not None}
    try:
        return kind(**{**(configured or {}), **given})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise InputError(
            f"--{name.replace('_', '-')} is {first['input']!r}" if name in given else f"{name} is {first['input']!r}",
            expected=first["msg"].removeprefix("Input should be "),
            where=None if name in given else CONFIG,
            remedy=f"see pocketmoji COMMAND --help; the default is {kind.model_fields[name].default}"
            if name in kind.model_fields
            else f"see pocketmoji run --help; known are {', '.join(kind.model_fields)}",
        ) from error


def run_config(options: argparse.Namespace) -> RunConfig:
    """All settings of a run, from the command line and the configuration file. InputError for what neither may hold."""
    from pocketmoji.core import config as c
    from pocketmoji.core.places import shipped_seeds

    file = options.config or Path(CONFIG)
    said = _read_toml(file) if options.config or file.is_file() else {}
    seeds = options.seeds or (file.parent / said["seeds"] if "seeds" in said else shipped_seeds("personal.csv"))
    return c.RunConfig(
        name=options.name or said.get("name") or seeds.stem,
        seeds=seeds,
        runs=options.runs or file.parent / said.get("runs", "runs"),
        datagen=settings(c.DatagenConfig, options, said.get("datagen")),
        train=settings(c.TrainConfig, options, said.get("train")),
        evaluate=settings(c.EvaluateConfig, options, said.get("evaluate")),
        export=settings(c.ExportConfig, options, said.get("export")),
        browser=settings(c.BrowserConfig, options, said.get("browser")),
    )


def _read_toml(file: Path) -> dict[str, Any]:
    """A configuration file; InputError unless it holds texts and sections of a run only."""
    import tomllib

    from pocketmoji.core.errors import InputError

    try:
        said = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", expected="a configuration file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file.name} is no TOML: {error}", where=file) from error
    for name, value in said.items():
        if not isinstance(value, CONFIGURED.get(name, ())):
            raise InputError(
                f"{name} is {value!r}" if name in CONFIGURED else f"{name} is no option of a run",
                expected=", ".join(name if kind is str else f"[{name}]" for name, kind in CONFIGURED.items()),
                where=file,
                remedy="pocketmoji new writes a file with all of them",
            )
    return said
