"""summary.json: what a program reads of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pocketmoji.core.config import RunConfig
from pocketmoji.core.records import SPLITS, EvaluationText, Prediction, Scores, read_jsonl
from pocketmoji.core.workspace import MANIFEST, read_json, write_text
from pocketmoji.evaluate.reports.scores_table import read_lookups, scores_table
from pocketmoji.evaluate.scoring.answering import file_stem
from pocketmoji.evaluate.scoring.scores import summarise
from pocketmoji.report.inputs import read_evaluations
from pocketmoji.report.limits import TUNED_BARS, engine_of, judge

STAGES = ("dataset", "base", "model", "evaluation", "export", "web", "browser")


def summarise_run(config: RunConfig, command: str) -> dict[str, Any]:
    """summary.json: the one file of a run that a program reads, in the shape that the design gives it."""
    run = config.folder
    manifests = {stage: read_json(run / stage / MANIFEST) for stage in STAGES}
    export, browser = read_json(run / "export" / "export.json"), read_json(run / "browser" / "browser.json")
    evaluation = read_json(run / "evaluation" / "evaluation.json")
    scores = {}
    for stage in ("evaluation", "export", "browser"):
        for path in sorted((run / stage).glob("*.scores.json")):
            name = path.name.removesuffix(".scores.json").replace("-", "/")
            scores[name] = Scores.model_validate_json(path.read_text("utf-8")).brief()
            if stage == "evaluation":  # parity with the merged model is meant, not the tuned model's with the base
                scores[name]["parity"] = None
    splits = {split: (run / "dataset" / f"{split}.jsonl").read_bytes().count(b"\n") for split in SPLITS}
    timings = {name: engine["timing"] for name, engine in browser["engines"].items() if engine.get("timing")}
    prepared = read_json(run / "model" / "training.json").get("prepared")
    prepared_seconds = {"prepare": prepared["seconds"]} if prepared else {}
    summary: dict[str, Any] = {
        "run": config.name,
        "seconds": {stage: manifest["seconds"] for stage, manifest in manifests.items()} | prepared_seconds,
        "base": read_json(run / "base" / "base.json")["name"],
        "dataset": splits,
        "texts": evaluation["dataset"]["texts"],
        "scores": scores,
        "lookups": {name: found.brief() for name, found in read_lookups(run / "evaluation").items()},
        "against_lookups": evaluation["against_lookups"],
        "same_texts": same_texts(run, engine_of(browser["engines"])),
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
        if not name.startswith("mediapipe") and engine["status"] in ("passed", "failed"):
            passed = engine["status"] == "passed"
            gate = {"gate": f"{name} in the browser", "value": float(passed), "limit": 1.0, "passed": passed}
            summary["gates"].append(gate)
    return summary


def same_texts(run: Path, engine: str) -> dict[str, Any]:
    """What the tuned model reached on the texts that the engine answered, and how many of them each score is over."""
    path = run / "browser" / f"{file_stem(engine)}.predictions.jsonl"
    asked = {one.text for one in read_jsonl(path, Prediction)} if path.is_file() else set()
    texts = [text for text in read_jsonl(run / "evaluation" / "texts.jsonl", EvaluationText) if text.text in asked]
    said = {one.text: one for one in read_jsonl(run / "evaluation" / "tuned.predictions.jsonl", Prediction)}
    if not texts:
        return {}
    scores = summarise(texts, [said[text.text] for text in texts])
    counts = {metric: found.n for metric in TUNED_BARS if (found := getattr(scores, metric)) is not None}
    return {"tuned": scores.brief(), "texts": counts}


def write_scores(run: Path, summary: Mapping[str, Any]) -> None:
    """scores.md: the look-ups and every runtime in one table, for a README."""
    scores: dict[str, Scores] = {name: found["scores"] for name, found in read_evaluations(run, summary).items()}
    if "tuned" in scores:  # its parity is with the base, the others' with itself
        scores["tuned"] = scores["tuned"].model_copy(update={"parity": None})
    write_text(run / "scores.md", scores_table(scores, read_lookups(run / "evaluation")))
