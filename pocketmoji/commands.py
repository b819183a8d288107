"""What each command does with its options: it calls the function of `pocketmoji.api`, and tells what came out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal

from pocketmoji.options import run_config, settings


def run(options: argparse.Namespace, command: str) -> Any:
    from pocketmoji import api

    summary = api.run(run_config(options), command)
    _tell_gates(summary["gates"])
    options.failed = not all(gate["passed"] for gate in summary["gates"])
    return summary


def datagen(options: argparse.Namespace, command: str) -> Any:
    from pocketmoji import api
    from pocketmoji.core.config import DatagenConfig
    from pocketmoji.core.errors import InputError

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
    _can_push(options)
    statistics = api.make_dataset(options.seeds, options.out, config)
    _push(options, "dataset")
    return statistics


def train(options: argparse.Namespace, command: str) -> Any:
    from pocketmoji import api
    from pocketmoji.core.config import TrainConfig

    return api.train(options.dataset, options.out, settings(TrainConfig, options)) or None


def evaluate(options: argparse.Namespace, command: str) -> Any:
    from pocketmoji import api
    from pocketmoji.core.config import EvaluateConfig
    from pocketmoji.core.console import say
    from pocketmoji.core.errors import InputError
    from pocketmoji.core.workspace import read_json
    from pocketmoji.evaluate.cache import default_cache
    from pocketmoji.evaluate.runtimes.runtime_spec import parse_specs

    given = []
    for model in options.model:
        name, separator, folder = model.partition("=")
        if not separator or not name:
            raise InputError(f"--model is {model!r}", expected="NAME=FOLDER, for instance tuned=runs/personal/model")
        given.append(f"{name}=torch:{folder}")
    given += options.runtime
    if not given:
        raise InputError(
            "there is nothing to evaluate", expected="--runtime [NAME=]KIND:TARGET, or --model NAME=FOLDER"
        )
    result = api.evaluate(
        options.dataset,
        given,
        options.out,
        settings(EvaluateConfig, options),
        gates=options.gate,
        baseline=options.baseline,
        new_baseline=options.write_baseline,
        cache=None if options.no_cache else options.cache or default_cache(),
    )
    if result["gates"]:
        from pocketmoji.evaluate.gates.gate_files import table
        from pocketmoji.evaluate.gates.gate_rules import Outcome

        say(table([Outcome.model_validate(gate) for gate in result["gates"]]))
    options.failed = not all(gate["passed"] for gate in result["gates"])
    if options.runtime or options.gate or options.baseline:
        return result
    return {spec.name: read_json(options.out / f"{spec.name}.scores.json") for spec in parse_specs(given)}


def export(options: argparse.Namespace, command: str) -> Any:
    from pocketmoji import api
    from pocketmoji.core.config import EvaluateConfig, ExportConfig

    _can_push(options)
    limits = settings(EvaluateConfig, options)
    about = api.export(options.model, options.evaluation, options.out, settings(ExportConfig, options), limits)
    _push(options, "model")
    return about


def browser_test(options: argparse.Namespace, command: str) -> Any:
    from pocketmoji import api
    from pocketmoji.core.config import BrowserConfig

    given = options.export or options.web.parent / "export"
    config = settings(BrowserConfig, options)
    if not options.full:  # on the software adapter a text takes a minute: one says that it works
        few = {"webgpu_texts": 2, "mediapipe_texts": 1}  # the first has its logits compared, the other its work counted
        sample = {name: count for name, count in few.items() if getattr(options, name) is None}
        config = config.model_copy(update=sample)
    report = api.browser_test(
        options.web,
        options.evaluation,
        options.out,
        config,
        artefacts=given if given.is_dir() else None,
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
    from pocketmoji.browser_tests.app.site import DEFAULT_HOST, build_site, read_site
    from pocketmoji.core.errors import InputError

    if options.host and not options.build:
        raise InputError("--host says for whom --build writes", expected="--build DIR beside it")
    require_model(options.web)
    build_demo()
    if options.build:
        return read_site(build_site(options.web, options.build, host=options.host or DEFAULT_HOST))
    serve(options.web, options.port)


def ask(options: argparse.Namespace, command: str) -> Any:
    from pocketmoji.asking import ask_each

    lines = options.texts or (line for line in map(str.strip, sys.stdin) if line)
    several = len(options.texts) != 1
    for found in ask_each(options.model, lines, options.candidates, not options.no_memory):
        if options.json:
            print(found.model_dump_json(), flush=True)
            continue
        if several:
            print(found.text)
        for one in found.answers:
            cut = "" if one.stopped else "  (cut off)"
            recalled = f"  (from your list: {one.from_memory})" if one.from_memory is not None else ""
            print(f"{'  ' if several else ''}{one.probability:6.1%}  {one.emoji}{recalled}{cut}", flush=True)


def new(options: argparse.Namespace, command: str) -> Any:
    from pocketmoji.project import new_project

    return {"wrote": [str(path) for path in new_project(options.folder)]}


def doctor(options: argparse.Namespace, command: str) -> Any:
    from pocketmoji.doctor import examine

    return examine(options.chromium, bool(options.require_gpu))


def _can_push(options: argparse.Namespace) -> None:
    from pocketmoji.core.extras import require_extra

    if options.push:
        require_extra("hub", what="--push")


def _push(options: argparse.Namespace, kind: Literal["dataset", "model"]) -> None:
    from pocketmoji.core.hub import push

    if options.push:
        push(options.out, options.push, kind)


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
    "ask": ask,
    "new": new,
    "doctor": doctor,
}
