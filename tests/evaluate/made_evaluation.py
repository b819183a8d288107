"""An evaluation of made-up answers, for the files and pages that are made of one."""

from __future__ import annotations

from pathlib import Path

from pocketmoji.core.config import EvaluateConfig
from pocketmoji.core.records import EvaluationText, Example, Prediction, read_jsonl
from pocketmoji.evaluate.lookups.nearest_neighbour import NearestNeighbour
from pocketmoji.evaluate.run import Evaluation, score
from pocketmoji.evaluate.scoring.measures import emoji_range, measures
from pocketmoji.evaluate.scoring.texts import evaluation_texts
from pocketmoji.evaluate.statistics.parity import parity
from tests.evaluate.fake_run import make_dataset, personal_seeds


def make_evaluation(folder: Path) -> Evaluation:
    """Two runtimes on the shipped seeds: "tuned" is wrong now and then, "web-q4" more often; each says no
    emoji once.
    """
    make_dataset(folder / "dataset", personal_seeds())
    config = EvaluateConfig()
    texts = evaluation_texts(folder / "dataset", config)
    found = Evaluation(texts, config, measures(*emoji_range(texts)))
    found.predictions = {"tuned": _said(texts, 9), "web-q4": _said(texts, 4)}
    examples = read_jsonl(folder / "dataset" / "train.jsonl", Example)
    found.predictions["nearest-neighbour"] = NearestNeighbour(examples).predict([text.text for text in texts])
    found.references = ["nearest-neighbour"]
    for name in ("tuned", "web-q4"):
        found.about[name] = {"kind": "torch", "files": {"a": "ab" * 32}, "settings": {}, "versions": {"torch": "2"}}
    found.parity = [parity(texts, *list(found.predictions.items())[:2], same_tokenizer=True)]
    found.times = {"tuned": {"seconds": 1.5, "answered": 3, "from_cache": 0}}
    score(found)
    return found


def _said(texts: list[EvaluationText], wrong_every: int) -> list[Prediction]:
    found = []
    for i, text in enumerate(texts):
        raw = text.emoji if i % wrong_every else texts[(i + 7) % len(texts)].emoji
        if i == 2 * wrong_every:
            raw = "</script><b>no emoji</b>"
        found.append(Prediction(text=text.text, raw=raw, tokens=[*raw.encode(), 1], stopped=True, seconds=0.1))
    return found
