"""The stage `browser-test` of a run, and the browser as a runtime that `evaluate` can be handed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pocketmoji.core.config import BrowserConfig, EvaluateConfig
from pocketmoji.core.console import say
from pocketmoji.core.extras import require_extra
from pocketmoji.core.records import EvaluationText, Prediction, read_jsonl
from pocketmoji.core.runtime import Runtime
from pocketmoji.core.workspace import digest_of, read_json, run_stage
from pocketmoji.evaluate.runtimes.runtime_spec import RuntimeSpec


def check_browser(
    web: Path, evaluation: Path, export: Path | None, config: BrowserConfig, folder: Path
) -> dict[str, Any]:
    """Drive the shipped folder in Chromium on the evaluation texts; returns what browser.json says."""

    require_extra("browser", what="a test in the browser")

    def work(out: Path) -> None:
        from pocketmoji.browser_tests.check import browser_test

        card = read_json(web / "pocketmoji.json")
        texts = read_jsonl(evaluation / "texts.jsonl", EvaluationText)
        references: dict[str, list[Prediction]] = {}
        for kind, artefact in (("onnx", card["name"]), ("task", card.get("task_name"))):
            path = export / f"{artefact}.predictions.jsonl" if export else None
            if path and path.is_file():
                references[kind] = read_jsonl(path, Prediction)
        browser_test(web, texts, references, config, out)

    from pocketmoji.browser_tests.app.node import source_digest

    run_stage(
        folder,
        command="browser-test",
        config=config.model_dump(mode="json"),
        read={"web": digest_of(web), "evaluation": digest_of(evaluation), "demo": source_digest()},
        packages=["playwright"],
        work=work,
        say=say,
    )
    result: dict[str, Any] = read_json(folder / "browser.json")
    return result


@contextmanager
def open_browser(spec: RuntimeSpec, config: EvaluateConfig) -> Iterator[Runtime]:
    """A browser's runtime for `evaluate`, which may not import browser_tests itself."""
    from pocketmoji.browser_tests.app.node import build_demo
    from pocketmoji.browser_tests.engines.runtimes import BrowserRuntime

    require_extra("browser", what=f"--runtime {spec.kind}")
    build_demo()
    engine: Any = f"{spec.kind}/{spec.device}"
    card = read_json(spec.path / "pocketmoji.json")
    with BrowserRuntime(engine, spec.path, dtype=card.get("dtype"), grammar=spec.grammar) as runtime:
        yield runtime


OPENERS = {kind: open_browser for kind in ("pocketmoji", "transformers.js", "mediapipe")}
"""Who opens the kinds of runtime that run in a browser."""
