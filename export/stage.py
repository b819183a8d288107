"""The stage `export`: a merged model and its evaluation in, every artefact out, each checked against the model."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from pocketmoji.core.config import EvaluateConfig, ExportConfig
from pocketmoji.core.console import say
from pocketmoji.core.errors import InputError
from pocketmoji.core.extras import require_extra
from pocketmoji.core.grid import PRECISIONS
from pocketmoji.core.records import EvaluationText, Prediction, Scores, read_jsonl
from pocketmoji.core.runtime import Runtime, stop_token_ids
from pocketmoji.core.text.grammar import make_grammar
from pocketmoji.core.text.memory import MEMORY_FILE, read_memory
from pocketmoji.core.workspace import digest_of, read_json, run_stage, write_json

PROBED = 16  # texts whose activations are looked at
COMPARED = (
    "compliance",
    "other_words_recall",
    "everyday_acceptable",
    "typed_recall",
    "seed_recall",
    "paraphrase_recall",
)
TOKENS_PER_EMOJI = 2  # on average; a grammar of characters cannot count tokens


def converting_task(
    model: Path, texts: Sequence[str], config: ExportConfig, folder: Path
) -> AbstractContextManager[Callable[[], Path]]:
    """`folder`/model.task being made of the merged model while the block does something else: the longest part of an
    export, most of it on one core. What is yielded waits for its end. `texts`: those of the evaluation."""
    from pocketmoji.export.litert.bundle import converting

    return converting(model, folder, stop_tokens_of(model), texts, config.litert_precision, config.litertlm)


def stop_tokens_of(model: Path) -> list[str]:
    """The tokens, by name, that end an answer of a merged model."""
    names = read_json(model / "tokenizer.json")["model"]["vocab"]
    by_id = {number: token for token, number in names.items()}
    return [by_id[i] for i in stop_token_ids(model)]


def export_artefacts(
    model: Path,
    evaluation: Path,
    config: ExportConfig,
    evaluate: EvaluateConfig,
    folder: Path,
    begun: Callable[[], Path] | None = None,
) -> None:
    """Write artefacts of the merged model and check each against it, of `config.fit` from the smallest to the first
    that may ship; export.json says which one does and why.

    `begun`: what `converting_task` yields, where the conversion to `folder`/model.task is under way already.
    """
    require_extra("export", what="export")
    precisions = [name for name in config.fit.split(",") if name]
    if not precisions or not set(precisions) <= {"q4", "q4-v3", "q4-32", "q8"}:
        raise InputError(
            f"--fit is {config.fit!r}", expected="one or more of q4, q4-v3, q4-32 and q8, with commas between"
        )

    limit = answer_limit(evaluate, evaluation, model)

    def work(out: Path) -> None:
        from pocketmoji.evaluate.reports.scores_table import headline, read_lookups
        from pocketmoji.evaluate.runtimes.litert_lm_runtime import LitertLmRuntime
        from pocketmoji.evaluate.runtimes.litert_runtime import LitertRuntime
        from pocketmoji.evaluate.runtimes.onnx_runtime import OnnxRuntime
        from pocketmoji.evaluate.scoring.answering import evaluate_runtime, write_evaluation
        from pocketmoji.evaluate.scoring.scores import summarise
        from pocketmoji.evaluate.scoring.with_grammar import WITH_GRAMMAR, answers_with_grammar
        from pocketmoji.export.gbnf import write_gbnf
        from pocketmoji.export.gguf_file import export_gguf
        from pocketmoji.export.litert.bundle import LITERTLM
        from pocketmoji.export.modelfile import write_modelfile
        from pocketmoji.export.numerics import probe
        from pocketmoji.export.onnx.data import bytes_of
        from pocketmoji.export.onnx.folder import export_onnx, onnx_file

        texts = read_jsonl(evaluation / "texts.jsonl", EvaluationText)
        tuned = read_jsonl(evaluation / "tuned.predictions.jsonl", Prediction)
        merged = Scores.model_validate_json((evaluation / "tuned.scores.json").read_text("utf-8"))
        lookups = read_lookups(evaluation)
        training = read_json(model / "training.json")
        base = training["base"]
        stops = stop_token_ids(model)
        artefacts: list[dict[str, Any]] = []

        def check(name: str, file: Path, runtime: Any, unrounded: Callable[[], Runtime] | None = None) -> bool:
            """Whether the artefact loses no more than it may."""
            scores = evaluate_runtime(runtime, texts, out, name, reference=tuned)
            say(headline(name, scores, lookups))
            lost, may_lose = losses(merged, scores), allowed(merged, config.tolerance)
            too_much = lambda lost: any(map(is_beyond, excess(lost, may_lose, config.tolerance).values()))
            if unrounded and too_much(lost):
                said = read_jsonl(out / f"{name}.predictions.jsonl", Prediction)
                lost = losses(merged, summarise(texts, as_the_page_says(said, tuned, unrounded), tuned))
            artefacts.append(
                {
                    "name": name,
                    "file": file.relative_to(out).as_posix(),
                    "bytes": bytes_of(file),
                    "losses": lost,
                    "allowed": may_lose,
                    "scores": scores.brief(),
                }
            )
            return not too_much(lost)

        stored = config.litert_precision
        with ExitStack() as beside:
            finish_task = begun
            if config.litert and begun is None:  # all that is ONNX is done beside it
                said = [text.text for text in texts]
                finish_task = beside.enter_context(converting_task(model, said, config, out))
            numerics = probe(model, answered_rows(model, texts, tuned)[:PROBED])
            say(f"export: half precision {numerics.half}")
            for precision in sorted(precisions, key=list(PRECISIONS).index):
                (file,) = export_onnx(model, out, [precision], base, config.rounding)
                # One text at a time, as the browser does it: the kernels for several rows round differently.
                runtime = partial(OnnxRuntime, file, model, stops, limit, batch_size=1)
                if check(f"onnx_{precision}", file, runtime(), partial(runtime, rounding=False)):
                    break  # a larger one would not ship
            if finish_task:
                task = finish_task()
                check(f"litert_{stored}", task, LitertRuntime(task, model, stops, limit))
                if config.litertlm:
                    check(f"litertlm_{stored}", out / LITERTLM, LitertLmRuntime(out / LITERTLM, model, stops, limit))
        shipped, reason = choose_artefact(artefacts, config)
        say(f"export: {shipped} ships: {reason}")
        grammar = make_grammar(model)
        grammar.write(out)
        memory = copy_memory(model, out, config.memory)
        raw = read_jsonl(out / f"{shipped}.predictions.jsonl", Prediction)
        file = onnx_file(out, shipped.removeprefix("onnx_"))
        ask = lambda asked: OnnxRuntime(file, model, stops, limit, batch_size=1, grammar=grammar).predict(asked)
        shown = write_evaluation(texts, answers_with_grammar(raw, grammar, ask), out, shipped + WITH_GRAMMAR, tuned)
        say(headline(shipped + WITH_GRAMMAR, shown, lookups))
        gguf: list[dict[str, Any]] = []
        for path in export_gguf(model, out, [name for name in config.gguf.split(",") if name], f"{base}, tuned"):
            say(f"export: {path.name} {path.stat().st_size / 1e6:.1f} MB")
            gguf.append({"name": path.stem, "file": path.name, "bytes": path.stat().st_size})
        if gguf:
            write_modelfile(out, gguf[0]["file"], stop_tokens_of(model), limit)
            write_gbnf(out, limit // TOKENS_PER_EMOJI)
        about: dict[str, Any] = {"artefacts": artefacts, "shipped": shipped, "reason": reason, "gguf": gguf}
        about |= {"with_grammar": shown.brief(), "max_new_tokens": limit, "memory": memory}
        about |= {"tolerance": config.tolerance, "numerics": asdict(numerics), "merged": merged.brief(), "base": base}
        about |= {"training": {key: value for key, value in training.items() if key != "loss"}}
        write_json(out / "export.json", about | {"base_model": base_repository(base)})

    run_stage(
        folder,
        command="export",
        config={**config.model_dump(mode="json"), "max_new_tokens": limit},
        read={"model": digest_of(model), "evaluation": digest_of(evaluation)},
        packages=["onnx", "onnxruntime", "ai-edge-litert", "litert-lm-api", "emoji"],
        work=work,
        say=say,
    )


def answer_limit(evaluate: EvaluateConfig, evaluation: Path, model: Path) -> int:
    """Tokens that an exported model may say: those that the evaluation gave it, which knows the whole list."""
    from pocketmoji.evaluate.runtimes.answer_length import with_limit

    if evaluate.max_new_tokens == "auto" and (evaluation / "evaluation.json").is_file():
        settings = read_json(evaluation / "evaluation.json")["settings"]
        evaluate = EvaluateConfig(max_new_tokens=settings["max_new_tokens"])
    file = evaluation / "texts.jsonl"
    texts = read_jsonl(file, EvaluationText) if file.is_file() else []
    answers = [text.emoji for text in texts if text.group != "everyday"]  # those have all that would do in one
    return with_limit(evaluate, answers, [model] if answers else []).limit


def copy_memory(model: Path, out: Path, wanted: bool) -> dict[str, int] | None:
    """Copies the list that `train` left in a model's folder; its rows and bytes, or None where it does not go along."""
    (out / MEMORY_FILE).unlink(missing_ok=True)  # of an export that was interrupted, and might have wanted it
    memory = read_memory(model) if wanted else None
    if memory is None:
        if wanted:
            say("export: the model's folder has no memory.json (it was trained before there was one): none goes along")
        return None
    shutil.copyfile(model / MEMORY_FILE, out / MEMORY_FILE)
    size = (out / MEMORY_FILE).stat().st_size
    say(f"export: {len(memory.rows):,} phrases of the list go along ({size / 1e3:.0f} kB; --no-memory leaves them out)")
    return {"rows": len(memory.rows), "bytes": size}


def answered_rows(model: Path, texts: Sequence[EvaluationText], answers: Sequence[Prediction]) -> list[list[int]]:
    """Token ids of each prompt with the model's own answer behind it."""
    from pocketmoji.evaluate.runtimes.tokens import load_tokenizer, prompt_tokens

    prompts = prompt_tokens(load_tokenizer(model), [text.text for text in texts])
    by_text = {answer.text: answer.tokens for answer in answers}
    return [[*prompt, *by_text[text.text]] for prompt, text in zip(prompts, texts, strict=True)]


def base_repository(base: str) -> str:
    """The Hub repository that a base's name speaks of, for a model card."""
    found = re.match(r"[\w.-]+/[\w.-]+", base)
    return found[0] if found else "google/gemma-3-270m"


def as_the_page_says(
    said: Sequence[Prediction], merged: Sequence[Prediction], unrounded: Callable[[], Runtime]
) -> list[Prediction]:
    """The answers of an ONNX file in Python, those that are not the merged model's asked once more of `unrounded`.

    Python's fast kernels round activations to 8 bits, which the page's engines do not: what ships is not to be chosen
    by a difference that no visitor sees.
    """
    wanted = {one.text: one.tokens for one in merged}
    differing = [one.text for one in said if one.tokens != wanted[one.text]]
    again = {one.text: one for one in unrounded().predict(differing)} if differing else {}
    return [again.get(one.text, one) for one in said]


def losses(merged: Scores, scores: Scores) -> dict[str, float]:
    """How far each compared score lies below the merged model's (negative: above)."""
    found = {}
    for metric in COMPARED:
        ours, theirs = getattr(merged, metric), getattr(scores, metric)
        if ours is not None and theirs is not None:
            found[metric] = round(ours.value - theirs.value, 6)
    return found


def allowed(merged: Scores, tolerance: float) -> dict[str, float]:
    """What each compared score may lose: the tolerance, or one text where a group is so small that one is more."""
    scored = {metric: interval for metric in COMPARED if (interval := getattr(merged, metric)) is not None}
    return {metric: round(max(tolerance, 1 / interval.n), 6) for metric, interval in scored.items()}


def excess(lost: Mapping[str, float], may_lose: Mapping[str, float], tolerance: float) -> dict[str, float]:
    """How far each loss is above what is allowed: the tolerance, where nothing else is said."""
    return {metric: loss - may_lose.get(metric, tolerance) for metric, loss in lost.items()}


def is_beyond(above: float) -> bool:
    return above > 1e-6  # losses are rounded to six places


def choose_artefact(artefacts: Sequence[Mapping[str, Any]], config: ExportConfig) -> tuple[str, str]:
    """The smallest ONNX artefact each of whose scores loses no more than is allowed (the tolerance, where nothing else
    is said), and the reason in words. If none is, the one that loses least, and of equals the smallest."""
    told: list[str] = []
    candidates = sorted((a for a in artefacts if a["name"].startswith("onnx_")), key=lambda a: a["bytes"])
    for artefact in candidates:
        beyond = excess(artefact["losses"], artefact.get("allowed", {}), config.tolerance)
        worst = max(beyond, key=lambda metric: (is_beyond(beyond[metric]), artefact["losses"][metric]))
        loss = artefact["losses"][worst]
        size = f"{artefact['name']} ({artefact['bytes'] / 1e6:.0f} MB)"
        if not is_beyond(beyond[worst]):
            within = f"within {config.tolerance:.0%}" + (" or one text" if loss > config.tolerance else "")
            reason = f"{size} is the smallest {within} of the merged model (worst: {worst}, "
            return artefact["name"], "; ".join([*told, reason + f"{-loss:+.1%})"])
        told.append(f"{size} loses {loss:.1%} of {worst}")
    best = min(candidates, key=lambda artefact: max(artefact["losses"].values()))["name"]
    reason = f"none is within {config.tolerance:.0%}, and {best} is the smallest of those that lose least"
    return best, "; ".join([*told, reason])
