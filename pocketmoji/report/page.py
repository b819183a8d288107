"""report.html: what a run did, on one page that needs nothing else, neither files nor network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pocketmoji.core.formats import about, chance, duration, human_bytes, number, percent
from pocketmoji.core.records import EvaluationText, GateResult, Prediction, RejectedRow, Scores, Seed
from pocketmoji.core.version import __version__
from pocketmoji.core.workspace import MANIFEST, write_text
from pocketmoji.evaluate.metrics import acceptable, compliant, exact_match, shares_an_emoji
from pocketmoji.evaluate.reports.evaluation_page import TEMPLATES
from pocketmoji.evaluate.reports.scores_table import read_lookups
from pocketmoji.evaluate.scoring.texts import GROUP_NAMES, overlaps
from pocketmoji.report.charts import fidelity_chart, loss_chart
from pocketmoji.report.inputs import read, read_engines, read_evaluations, read_lines, read_pictures, read_texts
from pocketmoji.report.limits import remedy

METRICS = (
    ("other_words_recall", "Other words", "quite other words for a trained phrase give exactly its emoji"),
    ("other_words_overlap", "Other words, some of it", "at least one of the phrase’s emoji"),
    ("everyday_acceptable", "Everyday", "a phrase that is on no list gives an emoji that would do"),
    ("typed_recall", "As typed", "a trained phrase in capitals, title case, as a hashtag or with a typo"),
    ("compliance", "Compliance", "emoji and nothing else, and stopped by itself"),
    ("seed_recall", "Seed recall", "a trained phrase gives exactly its emoji"),
    ("paraphrase_recall", "Paraphrase recall", "words it never saw for a trained phrase give exactly its emoji"),
    ("order_free_recall", "Order-free recall", "the right emoji in any order, seeds and paraphrases"),
    ("first_emoji_recall", "First emoji", "the answer begins right, seeds and paraphrases"),
    ("untaught_recall", "Untaught paraphrases", "other words for a phrase of which no paraphrase was trained"),
    ("transfer", "Transfer", "a phrase that was never trained gives at least one of its emoji"),
    ("stop_rate", "Stopped by itself", "ended its answer before the limit on tokens"),
)
TILES = ("other_words_recall", "everyday_acceptable", "typed_recall", "compliance")
EXPORTED = ("other_words_recall", "everyday_acceptable", "typed_recall", "compliance", "seed_recall", "parity")
EXAMPLES = 12


def write_report(run_folder: Path) -> Path:
    """Make `run_folder`/report.html of whatever the run has left there; returns its path.

    Every input is optional: a stage that has not run is said to be "not run". Nothing but the page is written.
    """
    from jinja2 import Environment, FileSystemLoader

    # The template lies beside this file; its macros and style sheet are the evaluation page's.
    loader = FileSystemLoader([Path(__file__).parent, TEMPLATES])
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "percent": percent,
        "size": human_bytes,
        "duration": duration,
        "about": about,
        "number": number,
    }
    environment.globals |= {"human_bytes": human_bytes, "duration": duration, "best_lookup": best_lookup}
    page = environment.get_template("report.html").render(**collect(run_folder))
    path = run_folder / "report.html"
    write_text(path, page)
    return path


def collect(run: Path) -> dict[str, Any]:
    """Everything the template shows, as plain data and records."""
    summary = read(run / "summary.json")
    lookups = read_lookups(run / "evaluation")
    training = read(run / "model" / "training.json")
    export = read(run / "export" / "export.json") or read(run / "web" / "export.json")
    browser = read(run / "browser" / "browser.json")
    manifests = {path.parent.name: read(path) for path in sorted(run.glob(f"*/{MANIFEST}"))}
    texts = read_texts(run)
    evaluations = read_evaluations(run, summary)
    sizes = summary.get("sizes") or {a["name"]: a["bytes"] for a in export.get("artefacts", []) if "bytes" in a}
    shipped = summary.get("shipped") or {"artefact": export.get("shipped"), "reason": export.get("reason")}
    seconds = summary.get("seconds") or {stage: m["seconds"] for stage, m in manifests.items() if "seconds" in m}
    memory = {s: m["peak_memory_bytes"] for s, m in manifests.items() if "peak_memory_bytes" in m}
    gates = [gate_row(GateResult.model_validate(gate)) for gate in summary.get("gates", [])]
    return {
        "version": __version__,
        "run": summary.get("run") or run.resolve().name,
        "base": summary.get("base") or training.get("base"),
        "summary": summary,
        "metrics": scored_metrics([*(e["scores"] for e in evaluations.values()), *lookups.values()]),
        "tiles": TILES,
        "exported": EXPORTED,
        "titles": {key: title for key, title, _ in METRICS} | {"parity": "Parity"},
        "group_names": GROUP_NAMES,
        "other_words": overlaps(texts),
        "lookups": lookups,
        "evaluations": evaluations,
        "exports": {name: e for name, e in evaluations.items() if name not in ("base", "tuned")},
        "examples": examples(texts, evaluations),
        "hero": _hero(texts, evaluations),
        "statistics": read(run / "dataset" / "statistics.json"),
        "splits": summary.get("dataset") or read(run / "dataset" / "statistics.json").get("splits", {}),
        "seeds": read_lines(run / "dataset" / "seeds.jsonl", Seed),
        "rejected": read_lines(run / "dataset" / "rejected.jsonl", RejectedRow),
        "training": training,
        "loss": loss_chart(_loss_series(training)),
        "fidelity": fidelity_chart(_kept(export), float(export.get("tolerance", 0.01))),
        "sizes": dict(sorted(sizes.items(), key=lambda item: -item[1])),
        "shipped": shipped,
        "engines": read_engines(browser, summary),
        "chromium": browser.get("chromium"),
        "screenshots": read_pictures(run / "browser"),
        "gates": gates,
        "failed_gates": [gate for gate in gates if gate["result"] == "failed"],
        "seconds": seconds,
        "total_seconds": sum(seconds.values()),
        "memory": summary.get("peak_memory_bytes") or memory,
        "command": summary.get("command"),
        "versions": _versions(manifests),
        "digests": {stage: m.get("wrote", {}) for stage, m in manifests.items()},
    }


def scored_metrics(scores: Sequence[Scores]) -> list[tuple[str, str, str]]:
    """The metrics that somebody has; without any score all of them."""
    return [row for row in METRICS if not scores or any(getattr(one, row[0]) for one in scores)]


def examples(texts: list[EvaluationText], evaluations: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The first texts that base or tuned answered, in evaluation order: not chosen for how they came out."""
    said = {name: {p.text: p for p in evaluations[name]["predictions"]} for name in evaluations}
    base, tuned = said.get("base", {}), said.get("tuned", {})
    wanted = {text.text: text for text in texts}
    rows = []
    for text in list(tuned or base)[:EXAMPLES]:
        known = wanted.get(text)
        rows.append(
            {
                "text": text,
                "group": known.group if known else "",
                "form": known.form if known else "",
                "expected": known.emoji if known else "",
                "base": _answer(base.get(text), known),
                "tuned": _answer(tuned.get(text), known),
            }
        )
    return rows


def gate_row(gate: GateResult) -> dict[str, str]:
    """A gate as the table shows it, for instance "tuned compliance", "100%", "≥ 99.0%", "passed"."""
    name, _, sign = gate.gate.rpartition(" ") if gate.gate[-2:] in (">=", "<=") else (gate.gate, "", "")
    share = chance if name.endswith(", p") else percent
    show = human_bytes if "bytes" in name else share if 0 <= gate.value <= 1 else number
    limit = f"{sign.replace('>=', '≥').replace('<=', '≤')} {show(gate.limit)}".strip()
    return {
        "name": name,
        "value": show(gate.value),
        "limit": limit,
        "result": "passed" if gate.passed else "failed",
        "remedy": "" if gate.passed else remedy(gate.gate),
    }


def best_lookup(lookups: Mapping[str, Scores], metric: str) -> float | None:
    """The best look-up's figure; None where there is none, and for compliance, which a look-up cannot miss."""
    found = [interval.value for one in lookups.values() if (interval := getattr(one, metric)) is not None]
    return max(found) if found and metric != "compliance" else None


def _answer(prediction: Prediction | None, known: EvaluationText | None) -> dict[str, Any] | None:
    if prediction is None:
        return None
    verdict = "right" if compliant(prediction) else "wrong"
    if known and verdict == "right":
        close = shares_an_emoji(prediction, known.emoji)
        verdict = "right" if right(prediction, known) else "close" if close else "wrong"
    return {"raw": prediction.raw, "stopped": prediction.stopped, "verdict": verdict}


def _hero(texts: list[EvaluationText], evaluations: Mapping[str, dict[str, Any]]) -> dict[str, str] | None:
    """The first text in other words (else paraphrase, else any) that the tuned model got right, for the page's top."""
    tuned = {p.text: p for p in evaluations.get("tuned", {}).get("predictions", [])}
    good = [t for t in texts if t.text in tuned and right(tuned[t.text], t)]
    best = ("other_words", "paraphrase", "everyday")
    good.sort(key=lambda text: best.index(text.group) if text.group in best else len(best))
    return {"text": good[0].text, "raw": tuned[good[0].text].raw} if good else None


def right(prediction: Prediction, text: EvaluationText) -> bool:
    """Exactly the wanted emoji; for an everyday phrase, which has no one answer, any that would do."""
    return (acceptable if text.group == "everyday" else exact_match)(prediction, text.emoji)


def _kept(export: Mapping[str, Any]) -> dict[str, tuple[float, float, float]]:
    """Size, share of unchanged answers and largest loss of a score of each artefact that was checked."""
    checked = [one for one in export.get("artefacts", []) if (one.get("scores") or {}).get("parity") is not None]
    return {
        one["name"]: (one["bytes"], one["scores"]["parity"], max(0.0, *one.get("losses", {}).values(), 0.0))
        for one in checked
    }


def _loss_series(training: Mapping[str, Any]) -> dict[str, list[tuple[float, float]]]:
    rows = [row for row in training.get("loss") or [] if isinstance(row, dict)]
    pick = lambda key: [(float(row["step"]), float(row[key])) for row in rows if row.get(key) is not None]
    return {"training": pick("loss"), "validation": pick("validation_loss")}


def _versions(manifests: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Package versions over all stages; a package that differs between stages shows every version."""
    found: dict[str, Counter[str]] = {}
    for manifest in manifests.values():
        for package, version in manifest.get("versions", {}).items():
            found.setdefault(package, Counter())[version] += 1
    return {package: ", ".join(sorted(versions)) for package, versions in sorted(found.items())}
