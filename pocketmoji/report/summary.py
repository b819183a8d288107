"""summary.json: what a program reads of a run."""

from __future__ import annotations

from typing import Any

from pocketmoji.core.config import RunConfig
from pocketmoji.core.records import SPLITS, Scores
from pocketmoji.core.workspace import MANIFEST, read_json
from pocketmoji.report.limits import judge

STAGES = ("dataset", "base", "model", "evaluation", "export", "web", "browser")


def summarise_run(config: RunConfig, command: str) -> dict[str, Any]:
    """summary.json: the one file of a run that a program reads, in the shape that the design gives it."""
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
