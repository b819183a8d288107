"""evaluation.html: an evaluation on one page that needs nothing else, neither files nor network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketmoji.core.formats import chance, percent
from pocketmoji.core.records import GROUPS, EvaluationText, Prediction
from pocketmoji.core.version import __version__
from pocketmoji.core.workspace import write_text
from pocketmoji.evaluate.metrics import acceptable, compliant, exact_match, shares_an_emoji
from pocketmoji.evaluate.scoring.comparison import LEVEL, Comparison
from pocketmoji.evaluate.scoring.texts import GROUP_NAMES, overlaps
from pocketmoji.evaluate.statistics.confusions import confusions

if TYPE_CHECKING:
    from pocketmoji.evaluate.reports.evaluation import Evaluation

TEMPLATES = Path(__file__).parent
VERDICTS = ("right", "close", "wrong", "not emoji")
CONFUSIONS_SHOWN = 200


def write_page(evaluation: Evaluation, folder: Path) -> Path:
    """Make `folder`/evaluation.html; returns its path."""
    from jinja2 import Environment, FileSystemLoader

    loader = FileSystemLoader(TEMPLATES)
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"percent": percent, "points": points, "chance": chance}
    page = environment.get_template("evaluation.html").render(**collect(evaluation))
    path = folder / "evaluation.html"
    write_text(path, page)
    return path


def collect(evaluation: Evaluation) -> dict[str, Any]:
    """Everything the template shows, as plain data and records."""
    known = evaluation.measures
    return {
        "version": __version__,
        "names": list(evaluation.predictions),
        "runtimes": evaluation.runtimes,
        "references": evaluation.references,
        "about": evaluation.about,
        "texts": evaluation.texts,
        "seeds": len({text.seed_id for text in evaluation.texts if text.group != "everyday"}),
        "groups": {GROUP_NAMES[g]: sum(t.group == g for t in evaluation.texts) for g in GROUPS},
        "other_words": overlaps(evaluation.texts),
        "against_lookups": evaluation.against_lookups,
        "measures": [m for m in known.values() if any(scores[m.name] for scores in evaluation.scores.values())],
        "titles": {measure.name: measure.title for measure in known.values()},
        "scores": evaluation.scores,
        "between": _rows(evaluation.between, evaluation),
        "with_references": _rows(evaluation.with_references, evaluation),
        "with_baseline": _rows([c for c in evaluation.with_baseline if known[c.metric].primary], evaluation),
        "parity": evaluation.parity,
        "gates": evaluation.gates,
        "failed": [gate for gate in evaluation.gates if not gate.passed],
        "confusions": {
            name: confusions(evaluation.texts, evaluation.predictions[name])[:CONFUSIONS_SHOWN]
            for name in evaluation.runtimes
        },
        "times": evaluation.times,
        "config": evaluation.config,
        "data": samples_json(evaluation),
    }


def samples_json(evaluation: Evaluation) -> str:
    """What the page's script reads: texts, and per runtime an answer and a verdict for each; safe inside <script>."""
    numbers = {seed: i for i, seed in enumerate(dict.fromkeys(text.seed_id for text in evaluation.texts))}
    data = {
        "names": list(evaluation.predictions),
        "runtimes": len(evaluation.runtimes),
        "groups": [GROUP_NAMES[group] for group in GROUPS],
        "verdicts": VERDICTS,
        "never": GROUPS.index("heldout_seed"),
        "everyday": GROUPS.index("everyday"),
        "texts": [[t.text, t.emoji, numbers[t.seed_id], GROUPS.index(t.group)] for t in evaluation.texts],
        "answers": [
            [
                [said.raw, verdict(text, said), int(said.stopped), round(meaning, 2)]
                for text, said, meaning in zip(
                    evaluation.texts, answers, evaluation.columns[name]["meaning"], strict=True
                )
            ]
            for name, answers in evaluation.predictions.items()
        ],
    }
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def verdict(text: EvaluationText, said: Prediction) -> int:
    """The place in VERDICTS: exactly the wanted emoji, some of them, others, or no compliant answer. An everyday phrase
    has no one answer: whatever would do is right."""
    if not compliant(said):
        return 3
    if text.group == "everyday":
        return 0 if acceptable(said, text.emoji) else 2
    if exact_match(said, text.emoji):
        return 0
    return 1 if shares_an_emoji(said, text.emoji) else 2


def points(value: float) -> str:
    """A difference of shares in percentage points with its sign: +3.2, −0.4, 0."""
    rounded = round(value * 100, 1)
    return f"{rounded:+.1f}".replace("-", "−") if rounded else "0"


def _rows(comparisons: Sequence[Comparison], evaluation: Evaluation) -> list[dict[str, Any]]:
    """Each comparison with its finding in words and its interval's place on a scale from -1 to 1."""
    found = []
    for one in comparisons:
        measure = evaluation.measures[one.metric]
        gain = one.difference.value * (1 if measure.higher_is_better else -1)
        corrected = one.p_corrected <= LEVEL
        if corrected:
            finding, tone = f"{one.b if gain > 0 else one.a} is better", "found"
        elif one.detectable is None:
            finding, tone = "nothing could have been seen with so few seeds", "soft"
        else:
            finding, tone = (
                f"no difference seen; the smallest that could have been: {points(one.detectable)[1:]}",
                "soft",
            )
        left, right = 50 + 50 * one.difference.low, 50 + 50 * one.difference.high
        found.append(
            {
                "c": one,
                "title": measure.title,
                "finding": finding,
                "tone": tone,
                "left": round(left, 1),
                "width": round(max(right - left, 0.5), 1),
                "at": round(50 + 50 * one.difference.value, 1),
            }
        )
    return found
