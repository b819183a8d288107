"""One evaluation as a whole: what its writers write down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pocketmoji.core.config import EvaluateConfig
from pocketmoji.core.records import GROUPS, EvaluationText, Interval, Prediction
from pocketmoji.core.workspace import digest_json
from pocketmoji.evaluate.gates.gate_rules import Outcome
from pocketmoji.evaluate.runtimes.opened import artefact_digest
from pocketmoji.evaluate.scoring.against_lookups import AgainstLookup
from pocketmoji.evaluate.scoring.comparison import Comparison
from pocketmoji.evaluate.scoring.measures import Measure
from pocketmoji.evaluate.scoring.table import Column
from pocketmoji.evaluate.scoring.texts import overlaps
from pocketmoji.evaluate.statistics.parity import Parity


@dataclass
class Evaluation:
    """All of one evaluation. Names of runtimes and of `references` (the baselines without a model) key the mappings;
    predictions and columns have one item per text, in the order of `texts`."""

    texts: list[EvaluationText]
    config: EvaluateConfig
    measures: dict[str, Measure]
    about: dict[str, dict[str, Any]] = field(default_factory=dict)
    predictions: dict[str, list[Prediction]] = field(default_factory=dict)
    references: list[str] = field(default_factory=list)
    columns: dict[str, dict[str, Column]] = field(default_factory=dict)
    scores: dict[str, dict[str, Interval | None]] = field(default_factory=dict)
    between: list[Comparison] = field(default_factory=list)
    with_references: list[Comparison] = field(default_factory=list)
    with_baseline: list[Comparison] = field(default_factory=list)
    against_lookups: list[AgainstLookup] = field(default_factory=list)
    parity: list[Parity] = field(default_factory=list)
    gates: list[Outcome] = field(default_factory=list)
    times: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def runtimes(self) -> list[str]:
        return [name for name in self.predictions if name not in self.references]


def summary_of(evaluation: Evaluation) -> dict[str, Any]:
    """evaluation.json: everything but the answers. Two runs differ at most in "times"."""
    dump = lambda records: [record.model_dump(mode="json") for record in records]
    groups = {group: sum(text.group == group for text in evaluation.texts) for group in GROUPS}
    texts = [text.model_dump(mode="json") for text in evaluation.texts]
    return {
        "pocketmoji_evaluation": 1,
        "dataset": {
            "digest": digest_json(texts),
            "texts": groups,
            "other_words": overlaps(evaluation.texts),
            "seeds": len({text.seed_id for text in evaluation.texts if text.group != "everyday"}),
        },
        "settings": evaluation.config.model_dump(mode="json"),
        "runtimes": {
            name: {
                "kind": about["kind"],
                "artefact": artefact_digest(about),
                "settings": about["settings"],
                "versions": about["versions"],
            }
            for name, about in evaluation.about.items()
        },
        "references": evaluation.references,
        "metrics": {
            name: {
                "title": measure.title,
                "meaning": measure.meaning,
                "kind": measure.kind,
                "groups": list(measure.groups),
                "higher_is_better": measure.higher_is_better,
            }
            for name, measure in evaluation.measures.items()
        },
        "scores": {
            name: {metric: interval and interval.model_dump(mode="json") for metric, interval in found.items()}
            for name, found in evaluation.scores.items()
        },
        "between_runtimes": dump(evaluation.between),
        "with_references": dump(evaluation.with_references),
        "with_baseline": dump(evaluation.with_baseline),
        "against_lookups": dump(evaluation.against_lookups),
        "parity": dump(evaluation.parity),
        "gates": dump(evaluation.gates),
        "times": evaluation.times,
    }
