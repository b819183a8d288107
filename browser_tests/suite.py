"""`pocketmoji browser-test`: files, claims, engines, a baseline in turn, gates; one report."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pocketmoji.browser_tests.app.server import require_model
from pocketmoji.browser_tests.check import browser_test
from pocketmoji.browser_tests.checks.claims import check_claims
from pocketmoji.browser_tests.checks.files import check_files, onnx_file, read_card
from pocketmoji.browser_tests.checks.findings import Finding, judged, unverifiable
from pocketmoji.browser_tests.checks.gates import judge, parse_gates
from pocketmoji.browser_tests.checks.in_turn import judge_latency, latency_ratios
from pocketmoji.browser_tests.engines.chromium import require_gpu
from pocketmoji.browser_tests.engines.installed import find_chromium
from pocketmoji.browser_tests.engines.runtimes import ENGINES, EngineFailure, EngineName, Page, processor_engine
from pocketmoji.browser_tests.reports.report import write_report
from pocketmoji.browser_tests.reports.result import BrowserReport
from pocketmoji.core.config import BrowserConfig
from pocketmoji.core.console import progress, say
from pocketmoji.core.errors import InputError, PocketmojiError
from pocketmoji.core.extras import require_extra
from pocketmoji.core.records import EvaluationText, Interval, Prediction, read_jsonl
from pocketmoji.core.text.emoji import find_fault
from pocketmoji.evaluate.scoring.answering import file_stem

SAMPLE = 30  # texts through the processor's engine without --full
IN_TURN = 12  # texts that baseline and new artefact answer in turn
# Quantisation changes a few answers (5% of the real model's at 8 bits, 15% at 4); a broken layer changes nearly all.
FEWEST_AS_MERGED = 0.5


def run_suite(
    web: Path,
    evaluation: Path,
    out: Path,
    config: BrowserConfig,
    *,
    export: Path | None = None,
    baseline: Path | None = None,
    gates: Sequence[str] = (),
    full: bool = False,
    page: Page = Page(),
    text_limit_s: float = 300,
) -> BrowserReport:
    """Test `web` on the texts of `evaluation` and write the report to `out`.

    `export`: where the artefacts' answers in Python are; what is not there is computed. `baseline`: another web folder,
    run in turn in the same session. `full`: every text, else a sample. InputError for whatever is wrong in the folders,
    MachineError where there is no browser.
    """
    require_extra("browser", what="a test in the browser")
    rules = parse_gates(gates, ENGINES)
    for folder in filter(None, (web, baseline)):
        require_model(folder)
    every = _texts(evaluation)
    texts = every if full else sample(every)
    config = config.model_copy(update={"wasm_texts": len(texts)})
    find_chromium(config.chromium)
    if config.require_gpu:
        say(f"GPU: {require_gpu(config.chromium).name}")
        config = config.model_copy(update={"require_gpu": False})  # asked, and answered
    tuned = _predictions(evaluation / "tuned.predictions.jsonl")
    out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out / "evidence", ignore_errors=True)
    started = time.monotonic()
    findings = check_files(web, tuned, baseline)
    unreadable = any(f.check in ("file: graph", "file: tokenizer") and "read" in (f.reason or "") for f in findings)
    references = {} if unreadable else _references(web, export, texts)
    claims = check_claims(
        web, config.chromium, options=page, limit_s=min(120.0, text_limit_s), evidence=out / "evidence"
    )
    report = browser_test(web, texts, references, config, out, text_limit_s=text_limit_s, page=page, keep_evidence=True)
    findings += claims
    engine = processor_engine(read_card(web))
    answers = _predictions(out / f"{file_stem(engine)}.predictions.jsonl")
    findings += [_as_merged(answers, tuned), _emoji_only(answers, tuned)]
    ratios: dict[str, Interval] = {}
    if baseline:
        asked = [text.text for text in texts[: len(texts) if full else IN_TURN]]
        try:
            ratios = latency_ratios(engine, web, baseline, asked, chromium=config.chromium, limit_s=text_limit_s)
            findings.append(judge_latency(ratios))
        except EngineFailure as error:
            findings.append(judged("latency against the baseline", [error.problem]))
    measured = _measured(report, {engine: ratios})
    added = {"findings": findings, "gates": judge(rules, measured), "of_texts": len(every)}
    report = report.model_copy(update=added)
    write_report(report, out)
    for finding in findings:
        if finding.status != "passed":
            say(f"{finding.check}: {finding.status} ({finding.reason})")
    say(f"browser test: {out / 'browser.html'} ({time.monotonic() - started:.0f} s)")
    return report


def sample(texts: Sequence[EvaluationText]) -> Sequence[EvaluationText]:
    """`SAMPLE` texts at even distances, or all: those of the same seed stand together, so it has some of all kinds."""
    count = min(SAMPLE, len(texts))
    return [texts[i * len(texts) // count] for i in range(count)]


def _texts(evaluation: Path) -> list[EvaluationText]:
    path = evaluation / "texts.jsonl"
    if not path.is_file():
        raise InputError(
            f"{evaluation} holds no evaluation texts",
            expected=str(path),
            remedy="give the folder that `pocketmoji evaluate` or `pocketmoji run` wrote as evaluation/",
        )
    return read_jsonl(path, EvaluationText)


def _predictions(path: Path) -> list[Prediction]:
    return read_jsonl(path, Prediction) if path.is_file() else []


def _references(web: Path, export: Path | None, texts: Sequence[EvaluationText]) -> dict[str, list[Prediction]]:
    """The artefacts' answers in Python: as the export left them, else computed now (ONNX only)."""
    card = read_card(web)
    found = {}
    for kind, artefact in (("onnx", card.get("name")), ("task", card.get("task_name"))):
        if export and (predictions := _predictions(export / f"{artefact}.predictions.jsonl")):
            found[kind] = predictions
    if "onnx" not in found:
        from pocketmoji.evaluate.runtimes.onnx_runtime import OnnxRuntime

        stops, limit = card.get("stop_token_ids") or [], int(card.get("max_new_tokens") or 16)
        try:
            runtime = OnnxRuntime(onnx_file(web, card), web, stops, limit, batch_size=1)
            with progress("the same file in Python", len(texts)) as advance:
                found["onnx"] = runtime.predict([text.text for text in texts], advance)
        except PocketmojiError:
            raise
        except Exception as error:  # ONNX Runtime has no class of its own for "this is no model"
            say(f"Python's ONNX Runtime does not run the file: {str(error).splitlines()[0]}")
    return found


def _as_merged(answers: Sequence[Prediction], tuned: Sequence[Prediction]) -> Finding:
    """The browser's answers beside those of the model before it was exported."""
    check = "answers as the merged model"
    by_text = {p.text: p for p in tuned}
    pairs = [(p, by_text[p.text]) for p in answers if p.text in by_text]
    if not pairs:
        needs = "an evaluation folder in which the merged model is scored as tuned, and an engine that answers"
        return unverifiable(check, "nothing to compare with", needs)
    same = sum(p.tokens == t.tokens for p, t in pairs)
    problems = []
    if same < FEWEST_AS_MERGED * len(pairs):
        first = next((p, t) for p, t in pairs if p.tokens != t.tokens)
        problems.append(
            f"{len(pairs) - same} of {len(pairs)} answers are not the merged model's: the export broke it "
            f"(first: {first[0].text!r} gives {first[0].raw!r}, {first[1].raw!r} before)"
        )
    return judged(check, problems, same=same / len(pairs))


def _emoji_only(answers: Sequence[Prediction], tuned: Sequence[Prediction]) -> Finding:
    """Answers that are more than emoji although the merged model's were not, or that do not stop although it did."""
    by_text = {p.text: p for p in tuned}
    problems = []
    pairs = [(p, by_text[p.text]) for p in answers if p.text in by_text]
    for p, before in pairs:
        fault = find_fault(p.raw)
        if fault and not find_fault(before.raw):
            problems.append(f"{p.text!r} gives {p.raw!r}: {fault.reason} at character {fault.column}")
        elif before.stopped and not p.stopped:
            problems.append(f"{p.text!r} gives {p.raw!r} and does not stop: its stop token is missing")
    if len(problems) > 3:
        problems = [*problems[:3], f"and {len(problems) - 3} more"]
    if not pairs:
        return unverifiable("answers are emoji only", "no answers to compare", "an engine that answers")
    return judged("answers are emoji only", problems)


def _measured(report: BrowserReport, ratios: dict[EngineName, dict[str, Interval]]) -> dict[str, dict[str, float]]:
    """What gates can be set on, by engine. `ratios`: of the engine that ran in turn with the baseline's."""
    found: dict[str, dict[str, float]] = {}
    for name, engine in report.engines.items():
        values: dict[str, Any] = {"memory_mb": engine.memory_mb, "page_memory_mb": engine.page_memory_mb}
        if engine.scores:
            values |= {"stop_rate": engine.scores.stop_rate.value} | engine.scores.brief()
        if engine.timing:
            timing = engine.timing
            values |= {"load_s": timing.load_s, "ttft_ms": timing.ttft_ms_p50, "tokens_per_s": timing.tokens_per_s_p50}
        if engine.logits:
            values["logit_distance"] = engine.logits.largest_distance
        values |= {metric: ratio.value for metric, ratio in ratios.get(name, {}).items()}  # type: ignore[call-overload]
        if engine.gpu_work:
            values |= {"dispatches": engine.gpu_work.dispatches, "bytes_read": engine.gpu_work.bytes_read}
        values["parity"] = engine.parity
        found[name] = {metric: float(value) for metric, value in values.items() if value is not None}
    return found
