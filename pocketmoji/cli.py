"""The command line: `pocketmoji run` and one command per stage. Heavy imports happen in the command that needs them."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pocketmoji import __version__
from pocketmoji.core.errors import GateFailed, PocketmojiError

COMMANDS = {
    "run": "all stages: from a seed list to a model that is verified in a browser",
    "datagen": "seeds to a dataset of paraphrases",
    "train": "a dataset to a tuned, merged model",
    "evaluate": "score models on a dataset's evaluation texts",
    "export": "a merged model to ONNX and LiteRT artefacts, each checked against it",
    "browser-test": "drive a web folder in Chromium and compare its answers",
    "demo": "serve the demo app with a web folder's model",
    "doctor": "what this machine has, and what that means",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 0, 1 for a failed gate, 2 for a wrong input, 130 for an interruption."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--version"]:
        print(f"pocketmoji {__version__}")
        return 0
    if not given or given[0] in ("-h", "--help"):
        print_help()
        return 0 if given else 2
    if given[0] not in COMMANDS:
        print(f"pocketmoji: there is no command {given[0]!r}\n  expected: {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    if os.name == "nt":
        print(
            "pocketmoji: this is Windows, and files are locked and memory is measured as only Unix can\n"
            "  expected: Linux or macOS\n  to do:    run it in WSL",
            file=sys.stderr,
        )
        return 2
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # Threads that wait by spinning made a training step six times slower whenever another program used a core.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        options = parser_of(given[0]).parse_args(given[1:])
        action: Callable[[argparse.Namespace, str], Any] = ACTIONS[given[0]]
        result = action(options, shlex.join(["pocketmoji", *given]))
    except PocketmojiError as error:
        print(f"pocketmoji: {error}", file=sys.stderr)
        return 2
    except GateFailed as error:
        print(f"pocketmoji: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("pocketmoji: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
    except ModuleNotFoundError as error:
        from pocketmoji.core.extras import explain_import

        told = explain_import(error)
        if not told:
            raise
        print(f"pocketmoji: {told}", file=sys.stderr)
        return 2
    except Exception as error:
        from pocketmoji.core.workspace import is_disk_full

        if not is_disk_full(error):
            raise
        print(
            "pocketmoji: the disk is full\n  to do:    free some space and run the same command again", file=sys.stderr
        )
        return 2
    if options.json and result is not None:
        print(json.dumps(result, ensure_ascii=False))
    return int(bool(getattr(options, "failed", False)))


def print_help() -> None:
    print("usage: pocketmoji COMMAND [OPTIONS]\n\nA tiny language model of your own, from phrases and your emoji.\n")
    width = max(map(len, COMMANDS))
    for name, text in COMMANDS.items():
        print(f"  {name:{width}}  {text}")
    print("\npocketmoji COMMAND --help shows a command's options. --version shows the version.")


def parser_of(command: str) -> argparse.ArgumentParser:
    """The parser of one command. An option that several stages have sets it in all of them."""
    from pocketmoji.core.config import BrowserConfig, DatagenConfig, EvaluateConfig, ExportConfig, TrainConfig
    from pocketmoji.core.places import shipped_seeds

    parser = argparse.ArgumentParser(prog=f"pocketmoji {command}", description=COMMANDS[command])
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object on standard output")
    groups: dict[str, list[Any]] = {
        "run": [DatagenConfig, TrainConfig, EvaluateConfig, ExportConfig, BrowserConfig],
        "datagen": [DatagenConfig],
        "train": [TrainConfig],
        "evaluate": [EvaluateConfig],
        "export": [ExportConfig, EvaluateConfig],
        "browser-test": [BrowserConfig],
        "demo": [],
        "doctor": [BrowserConfig],
    }
    add = parser.add_argument
    if command == "run":
        own = "texts and their emoji: CSV, JSON, a spreadsheet (docs/seeds.md; default: a list that comes along)"
        add("--seeds", type=Path, default=shipped_seeds("personal.csv"), help=own)
        add("--name", help="name of the run (default: the seed file's)")
        add("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: %(default)s)")
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
        spec += "predictions:FILE, openai:URL#MODEL"
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
        add("--build", type=Path, metavar="DIR", help="write a static site instead (any host, Hugging Face Space)")
    if command not in ("run", "datagen", "demo", "doctor"):
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


def settings(kind: Any, options: argparse.Namespace) -> Any:
    """A stage's settings from the options that were given; a value that does not fit is an InputError."""
    from pydantic import ValidationError

    from pocketmoji.core.errors import InputError

    given = {name: getattr(options, name, None) for name in kind.model_fields}
    try:
        return kind(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise InputError(
            f"--{name.replace('_', '-')} is {first['input']!r}",
            expected=first["msg"].removeprefix("Input should be "),
            remedy=f"see pocketmoji COMMAND --help; the default is {kind.model_fields[name].default}",
        ) from error


def run(options: argparse.Namespace, command: str) -> Any:
    from pocketmoji.core import config as c
    from pocketmoji.pipeline import run_all

    summary = run_all(
        c.RunConfig(
            name=options.name or options.seeds.stem,
            seeds=options.seeds,
            runs=options.runs,
            datagen=settings(c.DatagenConfig, options),
            train=settings(c.TrainConfig, options),
            evaluate=settings(c.EvaluateConfig, options),
            export=settings(c.ExportConfig, options),
            browser=settings(c.BrowserConfig, options),
        ),
        command,
    )
    _tell_gates(summary["gates"])
    options.failed = not all(gate["passed"] for gate in summary["gates"])
    return summary


def datagen(options: argparse.Namespace, command: str) -> Any:
    from pocketmoji.core.config import DatagenConfig
    from pocketmoji.core.errors import InputError
    from pocketmoji.core.workspace import read_json
    from pocketmoji.datagen.stage import make_dataset

    if str(options.seeds) == "inspect" and (options.folder or not options.seeds.exists()):
        from pocketmoji.datagen.inspect import inspect

        if not options.folder:
            raise InputError("datagen inspect has no folder", expected="pocketmoji datagen inspect DIR")
        return inspect(options.folder)
    config = settings(DatagenConfig, options)
    if options.folder:
        raise InputError(
            f"there is one argument too many: {options.folder}", expected="pocketmoji datagen SEEDS --out DIR"
        )
    if options.dry_run:
        from pocketmoji.datagen.preview import estimate

        return estimate(options.seeds, config, options.out)
    if options.preview is not None:
        from pocketmoji.datagen.preview import preview

        return preview(options.seeds, config, options.preview)
    if not options.out:
        raise InputError(
            "datagen has no folder to write into",
            expected="pocketmoji datagen SEEDS --out DIR",
            remedy="add --out, or --dry-run or --preview N, which write nothing",
        )
    make_dataset(options.seeds, config, options.out)
    if options.push:
        from pocketmoji.core.hub import push

        push(options.out, options.push, "dataset")
    return read_json(options.out / "statistics.json")


def train(options: argparse.Namespace, command: str) -> Any:
    from pocketmoji.core.config import TrainConfig
    from pocketmoji.core.console import is_first_process
    from pocketmoji.core.workspace import read_json
    from pocketmoji.train import processes
    from pocketmoji.train.stage import make_base, tune

    config = settings(TrainConfig, options)
    base = options.out.with_name(options.out.name + "-base")
    with processes.first_alone():
        make_base(options.dataset, config, base)
    tune(options.dataset, base, config, options.out)
    return read_json(options.out / "training.json") if is_first_process() else None


def evaluate(options: argparse.Namespace, command: str) -> Any:
    from pocketmoji.browser_tests.stage import OPENERS
    from pocketmoji.core.config import EvaluateConfig
    from pocketmoji.core.console import say
    from pocketmoji.core.errors import InputError
    from pocketmoji.core.workspace import read_json
    from pocketmoji.evaluate.cache import default_cache
    from pocketmoji.evaluate.runtimes.runtime_spec import parse_specs
    from pocketmoji.evaluate.stage import evaluate_runtimes

    given = []
    for model in options.model:
        name, separator, folder = model.partition("=")
        if not separator or not name:
            raise InputError(f"--model is {model!r}", expected="NAME=FOLDER, for instance tuned=runs/personal/model")
        given.append(f"{name}=torch:{folder}")
    specs = parse_specs([*given, *options.runtime])
    if not specs:
        raise InputError(
            "there is nothing to evaluate", expected="--runtime [NAME=]KIND:TARGET, or --model NAME=FOLDER"
        )
    result = evaluate_runtimes(
        specs,
        options.dataset,
        settings(EvaluateConfig, options),
        options.out,
        openers=OPENERS,
        cache=None if options.no_cache else options.cache or default_cache(),
        baseline=options.baseline,
        gates=options.gate,
        new_baseline=options.write_baseline,
    )
    if result["gates"]:
        from pocketmoji.evaluate.gates.gate_files import table
        from pocketmoji.evaluate.gates.gate_rules import Outcome

        say(table([Outcome.model_validate(gate) for gate in result["gates"]]))
    options.failed = not all(gate["passed"] for gate in result["gates"])
    if options.runtime or options.gate or options.baseline:
        return result
    return {spec.name: read_json(options.out / f"{spec.name}.scores.json") for spec in specs}


def export(options: argparse.Namespace, command: str) -> Any:
    from pocketmoji.core.config import EvaluateConfig, ExportConfig
    from pocketmoji.core.workspace import read_json
    from pocketmoji.export.ship import ship
    from pocketmoji.export.stage import export_artefacts

    limits = settings(EvaluateConfig, options)
    artefacts = options.out.with_name(options.out.name + "-export")
    export_artefacts(options.model, options.evaluation, settings(ExportConfig, options), limits, artefacts)
    ship(artefacts, limits, options.out)
    if options.push:
        from pocketmoji.core.hub import push

        push(options.out, options.push, "model")
    return read_json(artefacts / "export.json")


def browser_test(options: argparse.Namespace, command: str) -> Any:
    from pocketmoji.browser_tests.app.node import build_demo
    from pocketmoji.browser_tests.suite import run_suite
    from pocketmoji.core.config import BrowserConfig

    given = options.export or options.web.parent / "export"
    config = settings(BrowserConfig, options)
    if not options.full:  # on the software adapter a text takes a minute: one says that it works
        sample = {name: 1 for name in ("webgpu_texts", "mediapipe_texts") if getattr(options, name) is None}
        config = config.model_copy(update=sample)
    build_demo()
    report = run_suite(
        options.web,
        options.evaluation,
        options.out,
        config,
        export=given if given.is_dir() else None,
        baseline=options.baseline,
        gates=options.gate,
        full=options.full,
        text_limit_s=options.text_limit,
    )
    _tell_gates([gate.model_dump() for gate in report.gates])
    options.failed = not report.passed
    return report.model_dump(mode="json")


def demo(options: argparse.Namespace, command: str) -> Any:
    from pocketmoji.browser_tests.app.node import build_demo
    from pocketmoji.browser_tests.app.server import require_model, serve
    from pocketmoji.browser_tests.app.site import build_site

    require_model(options.web)
    build_demo()
    if options.build:
        return {"site": str(build_site(options.web, options.build))}
    serve(options.web, options.port)


def doctor(options: argparse.Namespace, command: str) -> Any:
    from pocketmoji.doctor import examine

    return examine(options.chromium)


def _tell_gates(gates: Sequence[dict[str, Any]]) -> None:
    from pocketmoji.core.console import say
    from pocketmoji.report.limits import remedy

    for gate in gates:
        mark = "passed" if gate["passed"] else "FAILED"
        say(f"gate {mark}: {gate['gate']} {gate['limit']:g} (measured {gate['value']:.6g})")
        if not gate["passed"] and (known := remedy(gate["gate"])):
            say(f"  to do:    {known}")


ACTIONS: dict[str, Callable[[argparse.Namespace, str], Any]] = {
    "run": run,
    "datagen": datagen,
    "train": train,
    "evaluate": evaluate,
    "export": export,
    "browser-test": browser_test,
    "demo": demo,
    "doctor": doctor,
}
