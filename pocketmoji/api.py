"""The Python face: what a notebook calls. The command line calls the same functions.

    from pocketmoji.api import ask, browser_test, evaluate, export, make_dataset, run, train

    make_dataset("mine.csv", "dataset")
    train("dataset", "model")
    evaluate("dataset", ["tuned=torch:model"], "evaluation")
    export("model", "evaluation", "web")
    ask("web", "what a fun party").answers[0].emoji

Every function reads folders and writes one, skips what has not changed, and raises `PocketmojiError` for what its
caller can mend. Settings are the classes of `pocketmoji.core.config`: an option of the command line is a field of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketmoji.core.config import BrowserConfig, DatagenConfig, EvaluateConfig, ExportConfig, RunConfig, TrainConfig
from pocketmoji.core.errors import PocketmojiError
from pocketmoji.core.workspace import read_json

if TYPE_CHECKING:
    from pocketmoji.asking import Answers
    from pocketmoji.browser_tests.reports.result import BrowserReport

__all__ = [
    "BrowserConfig",
    "DatagenConfig",
    "EvaluateConfig",
    "ExportConfig",
    "PocketmojiError",
    "RunConfig",
    "TrainConfig",
    "ask",
    "browser_test",
    "evaluate",
    "export",
    "make_dataset",
    "run",
    "train",
]

Where = str | Path


def make_dataset(seeds: Where, out: Where, config: DatagenConfig | None = None) -> dict[str, Any]:
    """Seeds (docs/seeds.md: in which forms) to a dataset of paraphrases in the folder `out`; returns its statistics."""
    from pocketmoji.datagen import stage

    stage.make_dataset(Path(seeds), config or DatagenConfig(), Path(out))
    statistics: dict[str, Any] = read_json(Path(out) / "statistics.json")
    return statistics


def train(dataset: Where, out: Where, config: TrainConfig | None = None) -> dict[str, Any]:
    """A dataset to a tuned, merged model in the folder `out` (its pruned base goes to `out`-base); returns what
    training.json says, {} in a process of `accelerate launch` that is not the first. Needs the extra train."""
    from pocketmoji.core.console import is_first_process
    from pocketmoji.train import stage
    from pocketmoji.train.loop import processes

    config, out = config or TrainConfig(), Path(out)
    base = out.with_name(out.name + "-base")
    with processes.first_alone():
        stage.make_base(Path(dataset), config, base)
    stage.tune(Path(dataset), base, config, out)
    training: dict[str, Any] = read_json(out / "training.json") if is_first_process() else {}
    return training


def evaluate(
    dataset: Where,
    runtimes: Sequence[str],
    out: Where,
    config: EvaluateConfig | None = None,
    *,
    gates: Sequence[str] = (),
    baseline: Where | None = None,
    new_baseline: Where | None = None,
    cache: Where | None = None,
) -> dict[str, Any]:
    """Score runtimes, each [NAME=]KIND:TARGET, on the same texts of a dataset; returns evaluation.json.

    `gates` are judged and their outcome is in what is returned, nothing is raised; `baseline` is what `no-worse`
    compares with, `new_baseline` where this result is written as one. `cache`: where answers are kept; None: nowhere.
    What a kind needs installed is asked for: torch the extra train, onnxruntime ask, predictions and openai nothing.
    """
    from pocketmoji.browser_tests.stage import OPENERS
    from pocketmoji.evaluate.runtimes.runtime_spec import parse_specs
    from pocketmoji.evaluate.stage import evaluate_runtimes

    return evaluate_runtimes(
        parse_specs(runtimes),
        Path(dataset),
        config or EvaluateConfig(),
        Path(out),
        openers=OPENERS,
        cache=Path(cache) if cache else None,
        baseline=Path(baseline) if baseline else None,
        gates=gates,
        new_baseline=Path(new_baseline) if new_baseline else None,
    )


def export(
    model: Where,
    evaluation: Where,
    out: Where,
    config: ExportConfig | None = None,
    limits: EvaluateConfig | None = None,
) -> dict[str, Any]:
    """A merged model and its evaluation (as `tuned`) to the folder `out` that goes on the web; the candidates that it
    was chosen from go to `out`-export. Returns export.json. Needs the extra export."""
    from pocketmoji.export.ship import ship
    from pocketmoji.export.stage import export_artefacts

    out, limits = Path(out), limits or EvaluateConfig()
    artefacts = out.with_name(out.name + "-export")
    export_artefacts(Path(model), Path(evaluation), config or ExportConfig(), limits, artefacts)
    ship(artefacts, out)
    about: dict[str, Any] = read_json(artefacts / "export.json")
    return about


def browser_test(
    web: Where,
    evaluation: Where,
    out: Where,
    config: BrowserConfig | None = None,
    *,
    artefacts: Where | None = None,
    baseline: Where | None = None,
    gates: Sequence[str] = (),
    full: bool = False,
    text_limit_s: float = 300,
) -> BrowserReport:
    """Drive a web folder in Chromium on the texts of `evaluation` and write the report to `out`; `passed` says how it
    went. `artefacts`: where the answers in Python are, else they are computed. `baseline`: another web folder, run in
    turn. Needs the extra browser."""
    from pocketmoji.browser_tests.app.node import build_demo
    from pocketmoji.browser_tests.suite import run_suite

    build_demo()
    return run_suite(
        Path(web),
        Path(evaluation),
        Path(out),
        config or BrowserConfig(),
        export=Path(artefacts) if artefacts else None,
        baseline=Path(baseline) if baseline else None,
        gates=gates,
        full=full,
        text_limit_s=text_limit_s,
    )


def ask(model: Where, text: str, count: int = 3, memory: bool = True) -> Answers:
    """At most `count` answers of a web folder, an ONNX file or a merged model's folder to a text, each with its
    probability. `memory`: the list may answer, where it lies beside the model. To ask often, load it once:
    `pocketmoji.asking.Asked(model).ask(text)`."""
    from pocketmoji.asking import Asked

    return Asked(Path(model), memory).ask(text, count)


def run(config: RunConfig | None = None, command: str = "pocketmoji.api.run") -> dict[str, Any]:
    """All stages; returns summary.json, gates that were missed in it. `command` is what the report says made it."""
    from pocketmoji.pipeline import run_all

    return run_all(config or RunConfig(), command)
