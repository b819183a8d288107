"""The order of the stages and what each hands on: `pocketmoji run` is `run_all`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pocketmoji.core.config import RunConfig
from pocketmoji.core.console import say
from pocketmoji.core.extras import require_extra
from pocketmoji.core.workspace import write_json


def run_all(config: RunConfig, command: str) -> dict[str, Any]:
    """Every stage, then summary.json and report.html; returns the summary. Gates are in it, not raised."""
    from pocketmoji.browser_tests.stage import check_browser
    from pocketmoji.datagen.stage import make_dataset
    from pocketmoji.evaluate.scoring.texts import evaluation_texts
    from pocketmoji.evaluate.stage import evaluate_models
    from pocketmoji.export.ship import ship
    from pocketmoji.export.stage import converting_task, export_artefacts
    from pocketmoji.report.page import write_report
    from pocketmoji.report.summary import summarise_run, write_scores
    from pocketmoji.train.stage import make_base, tune

    require_extra("train", "export", "browser", what="a whole run")
    run = config.folder
    make_dataset(config.seeds, config.datagen, run / "dataset")
    make_base(run / "dataset", config.train, run / "base")
    made = tune(run / "dataset", run / "base", config.train, run / "model")
    models = {"base": run / "base", "tuned": run / "model"}
    with ExitStack() as beside:
        begun: Callable[[], Path] | None = None
        if made and config.export.litert:  # a new model is exported in any case
            texts = [text.text for text in evaluation_texts(run / "dataset", config.evaluate)]
            begun = beside.enter_context(converting_task(run / "model", texts, config.export, run / "export"))
        evaluate_models(models, run / "dataset", config.evaluate, run / "evaluation")
        export_artefacts(run / "model", run / "evaluation", config.export, config.evaluate, run / "export", begun)
    ship(run / "export", run / "web")
    check_browser(run / "web", run / "evaluation", run / "export", config.browser, run / "browser")
    summary = summarise_run(config, command)
    write_json(run / "summary.json", summary)
    write_scores(run, summary)
    say(f"report: {write_report(run)}")
    return summary
