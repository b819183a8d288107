"""Every evaluation text through the page, engine by engine, compared with the same artefact in Python.

Longer than a page: what one engine has answered, what it is compared with and what is kept for a resumed check are one
state, and each half would need the other's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from statistics import median

from pocketmoji.browser_tests.app.node import source_digest as demo_digest
from pocketmoji.browser_tests.checks.emoji_only import asks_again, grammar_problem
from pocketmoji.browser_tests.engines.chromium import AdapterInfo, require_gpu
from pocketmoji.browser_tests.engines.latency import quantile_interval
from pocketmoji.browser_tests.engines.logits import LIMIT, Comparison, ExactRuntime, Trace, compare
from pocketmoji.browser_tests.engines.runtimes import (
    OWN,
    OWN_GPU,
    BrowserDied,
    BrowserRuntime,
    EngineFailure,
    EngineInfo,
    EngineName,
    GpuWork,
    Page,
    engine_timing,
    processor_engine,
    reads_onnx,
)
from pocketmoji.browser_tests.reports.report import write_report
from pocketmoji.browser_tests.reports.result import BrowserReport, Difference, EngineResult
from pocketmoji.core.config import BrowserConfig
from pocketmoji.core.console import progress, say
from pocketmoji.core.errors import InputError, PocketmojiError
from pocketmoji.core.records import EvaluationText, Interval, Prediction, Record, Scores, write_jsonl
from pocketmoji.core.text.grammar import GRAMMAR_FILE, load_grammar
from pocketmoji.core.workspace import digest_file, digest_json, read_json, write_text
from pocketmoji.evaluate.scoring.answering import file_stem, write_evaluation
from pocketmoji.evaluate.scoring.with_grammar import WITH_GRAMMAR
from pocketmoji.evaluate.statistics.proportion import proportion

# The page's ONNX Runtime and Python's are different builds whose sums round differently: on a near tie they may
# choose different tokens. A wrong kernel, prompt or file changes nearly every answer, so this tells the two apart.
MOST_DIFFERING = 0.2
# With accuracy_level 4 a GPU's kernels may round activations to 8 bits, which moved logits of the real model by at most
# 3.1 (30 texts), and the same rounding in Python by at most 3.7. What is wrong moves them further: one tensor
# with its rows reversed by 2.1 to 14, beyond this limit in eleven of twelve cases (docs/browser_tests.md).
WEBGPU_LOGIT_LIMIT = 4.0
# Differing texts that Python answers once more: each takes seconds, and where nearly all differ it is no rounding. Of
# six texts chance made two differ that differ once in fifteen.
MOST_EXPLAINED, SHARE_EXPLAINED = 12, 2 / 3
GPU = "a GPU whose WebGPU adapter has shader-f16"
DEFAULT_ONNX = "onnx/model_q4.onnx"
SHOTS = {"screenshot.png": (1100, 720), "screenshot_phone.png": (390, 844)}


class Answered(Record):
    """A line of predictions.<engine>.partial.jsonl: an answer, and all that it depends on, by digest."""

    digest: str
    cold: bool
    info: EngineInfo
    adapter_name: str
    prediction: Prediction
    trace: Trace | None = None
    with_grammar: Prediction | None = None
    """What the page, which uses the grammar, shows; None where it was not asked."""
    gpu_work: GpuWork | None = None


def browser_test(
    web_folder: Path,
    texts: Sequence[EvaluationText],
    reference: Mapping[str, Sequence[Prediction]],
    config: BrowserConfig,
    folder: Path,
    *,
    text_limit_s: float = 300,
    page: Page = Page(),
    keep_evidence: bool = False,
) -> BrowserReport:
    """Run the model in `web_folder` in the browser and write the report to `folder`.

    `texts` go through the engine that the page takes on a processor as far as config allows (any beginning is a fair
    sample), a few through the others. `reference` has the predictions of the same artefacts in Python: "onnx" those of
    the ONNX file, "task" those of the .task, matched by text.
    MachineError where there is no Chromium or no WebGPU adapter; anything else that goes wrong is in the report.
    Answers are kept as they come, so that an interrupted check goes on where it was. `keep_evidence`: whatever fails
    leaves its trace, console and screenshot in `folder`/evidence.
    """
    if not texts:
        raise InputError("there are no texts to run in the browser", expected="at least one evaluation text")
    if config.require_gpu:
        say(f"GPU: {require_gpu(config.chromium).name}")
    card = read_json(web_folder / "pocketmoji.json") if (web_folder / "pocketmoji.json").is_file() else {}
    folder.mkdir(parents=True, exist_ok=True)
    shipped = processor_engine(card)
    wanted: list[tuple[EngineName, int]] = [(shipped, config.wasm_texts)]
    if shipped == OWN and config.transformers_texts:
        wanted.append(("transformers.js/wasm", config.transformers_texts))
    if shipped == OWN and config.webgpu_texts:
        wanted.append((OWN_GPU, config.webgpu_texts))
    most = config.transformers_webgpu_texts if shipped == OWN else config.webgpu_texts
    on_webgpu = min(most, config.webgpu_texts)
    if on_webgpu:
        wanted.append(("transformers.js/webgpu", on_webgpu))
    if config.mediapipe_texts and card.get("task_file"):
        wanted.append(("mediapipe/webgpu", config.mediapipe_texts))

    results: dict[str, EngineResult] = {}
    exact: list[ExactRuntime] = []  # made by the first engine that needs it, shared by all
    version = ""
    for engine, count in wanted:
        asked = texts[:count] if engine == shipped else few(texts, count)
        check = _Check(engine, web_folder, card, asked, config, folder, text_limit_s, page, keep_evidence, exact)
        result = check.run(reference.get("onnx" if reads_onnx(engine) else "task"))
        version = check.runtime.chromium_version or version
        results[engine] = result
        say(f"{engine}: {result.status}" + (f" ({result.reason.splitlines()[0]})" if result.reason else ""))
    shots = [name for name in SHOTS if (folder / name).is_file()]
    report = BrowserReport(chromium=version, engines=results, screenshots=shots, of_texts=len(texts))
    write_report(report, folder)
    for partial in folder.glob("predictions.*.partial.jsonl"):
        partial.unlink()
    return report


def few(texts: Sequence[EvaluationText], count: int) -> list[EvaluationText]:
    """So many of the texts: the groups take turns, each with its shortest answers and texts first, since a software
    adapter takes ten seconds to say a token and some to read one. All texts, in their order, if there are no more."""
    if count >= len(texts):
        return list(texts)
    groups: dict[str, list[EvaluationText]] = {text.group: [] for text in texts}
    # An everyday phrase is answered with an emoji or two of all those that would do.
    short = lambda text: (4 if text.group == "everyday" else len(text.emoji), len(text.text))
    for text in sorted(texts, key=short):
        groups[text.group].append(text)
    return [text for turn in zip_longest(*groups.values()) for text in turn if text][:count]


class _Check:
    """One engine's part of the check."""

    def __init__(
        self,
        engine: EngineName,
        web_folder: Path,
        card: Mapping[str, object],
        texts: Sequence[EvaluationText],
        config: BrowserConfig,
        folder: Path,
        text_limit_s: float,
        page: Page,
        keep_evidence: bool,
        exact: list[ExactRuntime],
    ) -> None:
        self.card = card
        self.traced = [text.text for text in few(texts, config.logit_texts)] if reads_onnx(engine) else []
        self.engine, self.web_folder, self.texts, self.folder = engine, web_folder, texts, folder
        onnx = f"onnx_{card.get('dtype') or 'q4'}"
        self.artefact = onnx if reads_onnx(engine) else str(card.get("task_name") or "the .task")
        self.partial = folder / f"predictions.{file_stem(engine)}.partial.jsonl"
        self.digest = _digest(web_folder, card, engine)
        self.runtime = BrowserRuntime(
            engine,
            web_folder,
            chromium=config.chromium,
            dtype=str(card["dtype"]) if card.get("dtype") else None,
            text_limit_s=text_limit_s,
            page=page,
            evidence=folder / "evidence" / file_stem(engine) if keep_evidence else None,
        )
        self.memory_mb: float | None = None
        self.page_memory_mb: float | None = None
        self.died: list[str] = []
        self._shared = exact
        self.takes_screenshots = engine == processor_engine(card)
        held = reads_onnx(engine) and (web_folder / GRAMMAR_FILE).is_file()
        self.grammar = load_grammar(web_folder) if held else None

    def run(self, reference: Sequence[Prediction] | None) -> EngineResult:
        """Answers what is not answered yet, then judges. An EngineFailure becomes the reason."""
        answered = self._read_partial()
        missing = [t.text for t in self.texts if t.text not in answered]
        if missing and answered:
            say(f"{self.engine}: {len(self.texts) - len(missing)} answers kept from an interrupted check")
        if missing and self.takes_screenshots:
            for name in SHOTS:  # of another model
                (self.folder / name).unlink(missing_ok=True)
        problem = ""
        if missing or self._wants_screenshots():
            problem = self._answer_all(answered)
        return self._result(answered, reference, problem)

    def _answer_all(self, answered: dict[str, Answered]) -> str:
        """Answers what is missing; "" or what went wrong. A browser that dies is started again if it got on."""
        while True:
            missing = [text.text for text in self.texts if text.text not in answered]
            before = len(answered)
            try:
                self._answer(missing, answered)
                return ""
            except BrowserDied as error:
                if len(answered) == before:
                    return error.problem
                say(f"{self.engine}: {error.problem}; starting another")
                self.died.append(
                    f"the browser died after {len(answered)} of {len(self.texts)} texts, and was started again"
                )
            except EngineFailure as error:
                return error.problem

    def _read_partial(self) -> dict[str, Answered]:
        """What an interrupted check of these very files has left, by text. A half-written line is dropped."""
        if not self.partial.is_file():
            return {}
        found = {}
        for line in self.partial.read_text("utf-8", errors="replace").splitlines():
            try:
                one = Answered.model_validate_json(line)
            except ValueError:
                continue
            if one.digest == self.digest:
                found[one.prediction.text] = one
        return found

    def _answer(self, missing: Sequence[str], answered: dict[str, Answered]) -> None:
        with self.runtime as runtime, progress(self.engine, len(missing)) as advance:
            for i, text in enumerate(missing):
                prediction, trace, held = self._ask(text, i)
                one = Answered(
                    digest=self.digest,
                    cold=i == 0,
                    info=runtime.info,
                    adapter_name=runtime.adapter_name,
                    prediction=prediction,
                    trace=trace,
                    with_grammar=held,
                    gpu_work=runtime.gpu_work,
                )
                answered[text] = one
                if trace and trace.problem:
                    raise EngineFailure(f"{self.engine}: {trace.problem} of the answer", where=self.web_folder)
                # A line break first: the line before may be half a line that a kill left.
                with open(self.partial, "a", encoding="utf-8") as file:
                    file.write("\n" + one.model_dump_json())
                advance(1)
            self.memory_mb, self.page_memory_mb = runtime.memory_mb(), runtime.page_memory_mb()
            if self._wants_screenshots():
                runtime.show(self.texts[0].text)
                for name, (width, height) in SHOTS.items():
                    runtime.screenshot(self.folder / name, width, height)

    def _ask(self, text: str, position: int) -> tuple[Prediction, Trace | None, Prediction | None]:
        """The raw answer, its trace where one is wanted, and what the page, which uses the grammar, shows."""
        trace = None
        # Our own engine chooses on the GPU, but not where it hands logits over: it is asked for each.
        if text in self.traced and self.grammar and self.engine != OWN_GPU:
            held, trace = self.runtime.trace(text, grammar=True)
            if held.tokens == trace.said:  # nothing was forbidden: one answer is both, and a software adapter is slow
                return held, trace, held
        if text in self.traced:
            prediction, trace = self.runtime.trace(text)
        else:
            prediction = self.runtime.predict([text])[0]
        again = asks_again(self.grammar, prediction, position)
        return prediction, trace, self.runtime.candidates(text, 1, grammar=True)[0] if again else None

    def _wants_screenshots(self) -> bool:
        return self.takes_screenshots and not all((self.folder / name).is_file() for name in SHOTS)

    def _result(
        self, answered: Mapping[str, Answered], reference: Sequence[Prediction] | None, problem: str
    ) -> EngineResult:
        done = [text for text in self.texts if text.text in answered]
        predictions = [answered[text.text].prediction for text in done]

        by_text = {p.text: p for p in reference or ()}
        pairs = [(p, by_text[p.text]) for p in predictions if p.text in by_text]
        logits, why = self._compare_logits(answered)
        problem = why or problem
        if self.grammar and not problem:
            given = [answered[text.text] for text in done]
            problem = grammar_problem(self.grammar, [(one.prediction, one.with_grammar) for one in given])
        pairs, explained = self._without_rounding(pairs) if not problem else (pairs, 0)
        differences = [Difference(text=p.text, browser=p.raw, python=r.raw) for p, r in pairs if not _same(p, r)]
        last = list(answered.values())[-1] if answered else None
        adapter = last.info.adapter if last else self.runtime.adapter
        unverifiable = bool(problem) and self._needs_another_gpu(adapter)
        broken = [p.raw for p, r in pairs if not _same(p, r) and p.raw == _byte_by_byte(r, self.web_folder)]
        if not problem and broken:
            problem = (
                f"{len(broken)} of {len(pairs)} answers hold U+FFFD: the engine chose the same tokens as Python but "
                "decodes one at a time, which breaks emoji that the vocabulary spells in bytes"
            )
        if not problem and len(differences) > _tolerable(len(pairs)):
            problem = f"{len(differences)} of {len(pairs)} answers differ from Python's with the same {self.artefact}"
        warm = [one.prediction for one in answered.values() if not one.cold] or predictions
        return EngineResult(
            engine=self.engine,
            artefact=self.artefact,
            status="not verifiable here" if unverifiable else "failed" if problem else "passed",
            reason=problem or None,
            needs=GPU if unverifiable else None,
            texts=len(self.texts),
            adapter=adapter,
            scores=self._write(done, answered, pairs),
            timing=engine_timing(last.adapter_name, last.info.load_seconds, warm) if last else None,
            parity=1 - len(differences) / len(pairs) if pairs else None,
            differences=differences,
            explained=explained,
            logits=logits,
            memory_mb=self.memory_mb,
            page_memory_mb=self.page_memory_mb,
            gpu_work=_typical([one.gpu_work for one in answered.values() if one.gpu_work]),
            intervals=_intervals(warm),
            console=[*self.died, *self.runtime.console[-50:]],
        )

    def _write(
        self,
        done: Sequence[EvaluationText],
        answered: Mapping[str, Answered],
        pairs: Sequence[tuple[Prediction, Prediction]],
    ) -> Scores | None:
        """Writes predictions and scores as every evaluation does; without an answer to each text, predictions only."""
        stem = file_stem(self.engine)
        predictions = [answered[text.text].prediction for text in done]
        if len(done) < len(self.texts):
            for path in [*self.folder.glob(f"{stem}.*"), *self.folder.glob(f"{stem}{WITH_GRAMMAR}.*")]:
                path.unlink()
            write_jsonl(self.folder / f"{stem}.predictions.jsonl", predictions)
            return None
        if self.grammar:
            shown = [answered[text.text].with_grammar or answered[text.text].prediction for text in done]
            write_evaluation(done, shown, self.folder, self.engine + WITH_GRAMMAR)
        if any(prediction.tokens for prediction in predictions):
            python = [reference for _, reference in pairs]
            return write_evaluation(done, predictions, self.folder, self.engine, python or None)
        # A runtime that does not tell its tokens is compared by its raw outputs.
        scores = write_evaluation(done, predictions, self.folder, self.engine)
        same = proportion(_same(prediction, reference) for prediction, reference in pairs)
        scores = scores.model_copy(update={"parity": same})
        write_text(self.folder / f"{stem}.scores.json", scores.model_dump_json(indent=2) + "\n")
        return scores

    def _exact(self) -> ExactRuntime:
        if not self._shared:
            stops, limit = self.card.get("stop_token_ids") or [], self.card.get("max_new_tokens") or 16
            path = str(self.card.get("onnx_file") or DEFAULT_ONNX)
            self._shared.append(ExactRuntime(self.web_folder, path, stops, limit))  # type: ignore[arg-type]
        return self._shared[0]

    def _compare_logits(self, answered: Mapping[str, Answered]) -> tuple[Comparison | None, str | None]:
        """The first texts' logits beside Python's, None where the engine does not tell them; and what is wrong."""
        traces = [(text, one.trace) for text, one in answered.items() if one.trace]
        if not traces:
            return None, None
        try:
            exact = self._exact()
            pairs = [(text, trace, exact.trace(text)) for text, trace in traces]
        except PocketmojiError:
            raise
        except Exception as error:  # an engine of the page may have what ONNX Runtime refuses
            return None, f"Python's ONNX Runtime does not run the file: {str(error).splitlines()[0]}"
        limit = WEBGPU_LOGIT_LIMIT if self.engine == "transformers.js/webgpu" and exact.may_round else LIMIT
        found = compare(pairs, exact.spell, limit)
        return found, found.problem

    def _without_rounding(
        self, pairs: list[tuple[Prediction, Prediction]]
    ) -> tuple[list[tuple[Prediction, Prediction]], int]:
        """The pairs, where they differ with what Python says when it does not round activations to 8 bits.

        Its fast kernels do, those for WASM do not: that difference is Python's, not the browser's.
        """
        differing = [p.text for p, r in pairs if not _same(p, r)]
        most = min(MOST_EXPLAINED, SHARE_EXPLAINED * len(pairs))
        if not reads_onnx(self.engine) or not 0 < len(differing) <= most:
            return pairs, 0
        again = {p.text: p for p in self._exact().predict(differing)}
        changed = [(p, again.get(p.text, r)) for p, r in pairs]
        return changed, sum(_same(p, r) for p, r in changed) - sum(_same(p, r) for p, r in pairs)

    def _needs_another_gpu(self, adapter: AdapterInfo | None) -> bool:
        """MediaPipe is made for half precision: that it breaks on an adapter without it says nothing of the model.

        A file that does not even load is at fault itself, and so are answers that differ from Python's.
        """
        fit = adapter is None or "shader-f16" in adapter.features
        return self.engine == "mediapipe/webgpu" and self.runtime.loaded and not fit


def _byte_by_byte(prediction: Prediction, web_folder: Path) -> str:
    """What an answer looks like when each token is decoded alone: a byte of an emoji is U+FFFD, four times."""
    vocabulary: dict[str, int] = read_json(web_folder / "tokenizer.json")["model"]["vocab"]
    pieces = {number: token for token, number in vocabulary.items()}
    tokens = [pieces[token] for token in prediction.tokens[: -1 if prediction.stopped else None]]
    alone = ["\ufffd" if re.fullmatch(r"<0x[0-9A-F]{2}>", token) else token.replace("▁", " ") for token in tokens]
    return "".join(alone)


def _same(browser: Prediction, python: Prediction) -> bool:
    """The same tokens; the same raw output where a runtime does not tell its tokens.

    Tokens first: an answer that ends within a character's bytes is spelt with other U+FFFD in JavaScript.
    """
    if browser.tokens and python.tokens:
        return browser.tokens == python.tokens
    return browser.raw == python.raw


def _intervals(predictions: Sequence[Prediction]) -> dict[str, Interval]:
    """p50 and p95 (the slow end) of the times, each with its 95% interval."""
    found = {}
    for name, slow in (("ttft_ms", 0.95), ("tokens_per_s", 0.05)):
        values = [value for p in predictions if (value := getattr(p, name)) is not None]
        if values:
            found[f"{name}_p50"] = quantile_interval(values, 0.5)
            found[f"{name}_p95"] = quantile_interval(values, slow)
    return found


def _typical(work: Sequence[GpuWork]) -> GpuWork | None:
    """The median of each count."""
    if not work:
        return None
    return GpuWork(dispatches=median(one.dispatches for one in work), bytes_read=median(one.bytes_read for one in work))


def _tolerable(pairs: int) -> float:
    """How many of so many answers may differ."""
    return max(1 if pairs >= 3 else 0, MOST_DIFFERING * pairs)


def _digest(web_folder: Path, card: Mapping[str, object], engine: EngineName) -> str:
    """Digest of all that an answer depends on: the artefact, its tokenizer and settings, and the page."""
    artefact = str(card.get("onnx_file") or DEFAULT_ONNX if reads_onnx(engine) else card.get("task_file"))
    files = [web_folder / name for name in (artefact, "config.json", "tokenizer.json")]
    return digest_json(
        {
            "engine": engine,
            "card": dict(card),
            "files": {path.name: digest_file(path) for path in files if path.is_file()},
            "page": demo_digest(),
        }
    )
