"""An evaluation from beginning to end: texts, answers, scores, comparisons, gates, files."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from itertools import combinations
from pathlib import Path

from pocketmoji.core.config import EvaluateConfig
from pocketmoji.core.console import progress, say
from pocketmoji.core.records import GROUPS, EvaluationText, Example, Prediction, Scores, read_jsonl, write_jsonl
from pocketmoji.core.workspace import write_text
from pocketmoji.evaluate.cache import PredictionCache
from pocketmoji.evaluate.gates.baseline_file import read_baseline, write_baseline
from pocketmoji.evaluate.gates.gate_rules import compare_with_baseline, judge_rules, parse_rule
from pocketmoji.evaluate.groups.other_words import LIMIT
from pocketmoji.evaluate.lookups.keyword_lookup import KeywordLookup
from pocketmoji.evaluate.lookups.nearest_neighbour import NearestNeighbour
from pocketmoji.evaluate.reports.evaluation import Evaluation
from pocketmoji.evaluate.reports.scores_table import headline, scores_table, write_lookups
from pocketmoji.evaluate.reports.write import write_results
from pocketmoji.evaluate.runtimes.opened import Opener, identity, opened, tokenizer_digest
from pocketmoji.evaluate.runtimes.runtime_spec import RuntimeSpec
from pocketmoji.evaluate.scoring.against_lookups import against_lookups
from pocketmoji.evaluate.scoring.answering import write_evaluation
from pocketmoji.evaluate.scoring.comparison import compare
from pocketmoji.evaluate.scoring.measures import emoji_range, measures
from pocketmoji.evaluate.scoring.scores import summarise
from pocketmoji.evaluate.scoring.table import aggregate, score_texts
from pocketmoji.evaluate.scoring.texts import GROUP_NAMES, evaluation_texts, overlaps
from pocketmoji.evaluate.statistics.parity import parity

AT_A_TIME = 8


def run_evaluation(
    dataset: Path,
    specs: Sequence[RuntimeSpec],
    config: EvaluateConfig,
    folder: Path,
    *,
    openers: Mapping[str, Opener] | None = None,
    cache: Path | None = None,
    baseline: Path | None = None,
    gates: Sequence[str] = (),
    new_baseline: Path | None = None,
) -> Evaluation:
    """Evaluate every runtime on the dataset's evaluation texts and write everything to `folder`.

    Whatever can be wrong with the arguments is told before the first model is loaded. A gate that is missed is in the
    result, not raised. cache: where answers are kept by content; None: nowhere.
    """
    texts = evaluation_texts(dataset, config)
    evaluation = Evaluation(texts, config, measures(*emoji_range(texts)))
    names = [spec.name for spec in specs]
    rules = [parse_rule(gate, evaluation.measures, names, baseline is not None) for gate in gates]
    before = read_baseline(baseline) if baseline else None
    evaluation.about = {spec.name: identity(spec, config) for spec in specs}
    write_jsonl(folder / "texts.jsonl", texts)
    _tell_groups(texts)
    looked_up = _look_up(texts, dataset)
    lookups = {name: summarise(texts, said) for name, said in looked_up.items()}
    write_lookups(folder, lookups)
    tokenizers: dict[str, str | None] = {}
    told: dict[str, Scores] = {}
    for spec in specs:
        said, took = _answer(spec, evaluation, openers or {}, cache)
        evaluation.predictions[spec.name] = said
        evaluation.times[spec.name] = took
        tokenizers[spec.name] = tokenizer_digest(spec)
        reference = None if spec is specs[0] else evaluation.predictions[names[0]]
        same = reference is not None and tokenizers[spec.name] is not None
        same = same and tokenizers[spec.name] == tokenizers[names[0]]
        scores = write_evaluation(texts, said, folder, spec.name, reference if same else None)
        told[spec.name] = scores
        say(headline(spec.name, scores, lookups))
    write_text(folder / "scores.md", scores_table(told, lookups))
    evaluation.predictions |= looked_up
    evaluation.references = list(looked_up)
    score(evaluation)
    for one, other in combinations(names, 2):
        same = tokenizers[one] is not None and tokenizers[one] == tokenizers[other]
        pair = [(name, evaluation.predictions[name]) for name in (one, other)]
        evaluation.parity.append(parity(texts, pair[0], pair[1], same))
    runtimes = {name: evaluation.predictions[name] for name in names}
    if before is not None and baseline is not None:
        against = compare_with_baseline(texts, runtimes, evaluation.measures, before, baseline, config.random_seed)
        evaluation.with_baseline = [one[0] for found in against.values() for one in found.values()]
    else:
        against = {}
    evaluation.gates = judge_rules(
        rules, {name: evaluation.scores[name] for name in names}, evaluation.measures, against
    )
    write_results(evaluation, folder)
    if new_baseline:
        write_baseline(new_baseline, texts, runtimes, {name: evaluation.scores[name] for name in names})
    return evaluation


def score(evaluation: Evaluation) -> None:
    """Fill in columns, scores and comparisons from texts and predictions."""
    texts, known, seed = evaluation.texts, evaluation.measures, evaluation.config.random_seed
    for name, said in evaluation.predictions.items():
        evaluation.columns[name] = score_texts(texts, said, known)
        evaluation.scores[name] = aggregate(texts, evaluation.columns[name], known, seed)
    runtimes = evaluation.runtimes
    evaluation.between = compare(texts, evaluation.columns, known, list(combinations(runtimes, 2)), seed)
    pairs = [(reference, name) for name in runtimes for reference in evaluation.references]
    evaluation.with_references = compare(texts, evaluation.columns, known, pairs, seed)
    evaluation.against_lookups = against_lookups(texts, evaluation.columns, known, runtimes, evaluation.references)


def _answer(
    spec: RuntimeSpec, evaluation: Evaluation, openers: Mapping[str, Opener], cache: Path | None
) -> tuple[list[Prediction], dict[str, float]]:
    """The answers of one runtime, those that are kept already taken from the cache, and what they cost."""
    kept = PredictionCache(cache, evaluation.about[spec.name]) if cache else None
    wanted = list(dict.fromkeys(text.text for text in evaluation.texts))
    found = {text: one for text in wanted if kept and (one := kept.get(text))}
    missing = [text for text in wanted if text not in found]
    started = time.monotonic()
    if found:
        say(f"{spec.name}: {len(found)} of {len(wanted)} answers from the cache")
    # A batch has little padding if its texts are about as long; the same texts give the same batches.
    missing.sort(key=lambda text: (-len(text), text))
    size = 4 * evaluation.config.batch_size if spec.kind == "torch" else AT_A_TIME
    opening = opened(spec, evaluation.config, openers) if missing else nullcontext()
    with progress(f"evaluate {spec.name}", len(missing)) if missing else nullcontext() as advance, opening as runtime:
        for start in range(0, len(missing), size):
            assert runtime is not None
            answers = runtime.predict(missing[start : start + size], advance)
            found |= {answer.text: answer for answer in answers}
            if kept:
                kept.add(answers)
    took = time.monotonic() - started
    times = {"seconds": round(took, 2), "answered": len(missing), "from_cache": len(wanted) - len(missing)}
    return [found[text.text] for text in evaluation.texts], times


def _look_up(texts: Sequence[EvaluationText], dataset: Path) -> dict[str, list[Prediction]]:
    """The answers of the baselines without a model, from the rows that the model was trained on."""
    examples = read_jsonl(dataset / "train.jsonl", Example)
    if not examples:
        return {}
    asked = [text.text for text in texts]
    return {one.name: one.predict(asked) for one in (NearestNeighbour(examples), KeywordLookup(examples))}


def _tell_groups(texts: Sequence[EvaluationText]) -> None:
    counts = Counter(text.group for text in texts)
    say("evaluate: " + ", ".join(f"{counts[group]} × {GROUP_NAMES[group]}" for group in GROUPS if counts[group]))
    shared = overlaps(texts)
    if shared:
        say(f"evaluate: other words share {shared['mean']:.0%} of their content words with what was trained (mean)")
    else:
        say(f"evaluate: no held-out paraphrase is in other words: each shares over {LIMIT:.0%} of its content words")
