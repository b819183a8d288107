"""Which texts are evaluated: the trained seeds, their held-out paraphrases, and the seeds that were not trained."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from pocketmoji.core.config import EvaluateConfig
from pocketmoji.core.errors import InputError
from pocketmoji.core.records import EvaluationText, Example

Group = Literal["seed", "paraphrase", "heldout_seed"]
GROUPS: tuple[Group, ...] = ("seed", "paraphrase", "heldout_seed")


def evaluation_texts(dataset: Path, config: EvaluateConfig) -> list[EvaluationText]:
    """The texts of a dataset folder to be answered, at most `config.max_texts`, always the same for the same dataset.

    Above the limit, seeds are drawn, each with all its texts, from the trained and from the untrained ones in
    proportion to their texts. The groups are interleaved: any beginning of the list is a fair sample, and its first
    three texts are one of each group, because only the first few go through WebGPU.
    """
    texts = [_text(row, "seed") for row in _read(dataset / "train.jsonl") if row.origin == "seed"]
    texts += [_text(row, "paraphrase") for row in _read(dataset / "heldout_paraphrases.jsonl")]
    texts += [_text(row, "heldout_seed") for row in _read(dataset / "heldout_seeds.jsonl")]
    if not texts:
        raise InputError(
            "the dataset has no text to evaluate", where=dataset, remedy="make it again: pocketmoji datagen"
        )
    if len(texts) > config.max_texts:
        texts = _sample(texts, config)
    return interleave(texts)[: config.max_texts]


def interleave(texts: list[EvaluationText]) -> list[EvaluationText]:
    """`texts` with each group spread evenly over the list, a text of each group first."""
    size = Counter(text.group for text in texts)
    seen: Counter[str] = Counter()
    keys = []
    for text in texts:
        keys.append((seen[text.group] / size[text.group], GROUPS.index(text.group)))
        seen[text.group] += 1
    return [text for _, text in sorted(zip(keys, texts, strict=True), key=lambda pair: pair[0])]


def _sample(texts: list[EvaluationText], config: EvaluateConfig) -> list[EvaluationText]:
    """Whole seeds in the order of a hash of their id, so that a new seed in the list does not reshuffle the others."""
    untrained = [text for text in texts if text.group == "heldout_seed"]
    trained = [text for text in texts if text.group != "heldout_seed"]
    room = round(config.max_texts * len(untrained) / len(texts))
    room = min(max(room, bool(untrained)), config.max_texts)
    chosen: list[EvaluationText] = []
    for part, limit in ((untrained, room), (trained, config.max_texts - room)):
        by_seed: dict[str, list[EvaluationText]] = {}
        for text in part:
            by_seed.setdefault(text.seed_id, []).append(text)
        taken = 0
        for seed_id in sorted(by_seed, key=lambda seed_id: _draw(seed_id, config.random_seed)):
            if taken + len(by_seed[seed_id]) <= limit:
                chosen += by_seed[seed_id]
                taken += len(by_seed[seed_id])
    # A limit smaller than one seed's texts: cut rather than evaluate nothing.
    return chosen or texts


def _draw(seed_id: str, random_seed: int) -> str:
    return hashlib.sha256(f"{random_seed}\0{seed_id}".encode()).hexdigest()


def _text(row: Example, group: Group) -> EvaluationText:
    return EvaluationText(text=row.text, emoji=row.emoji, seed_id=row.seed_id, group=group)


def _read(path: Path) -> list[Example]:
    if not path.is_file():
        raise InputError(
            f"{path.name} is missing",
            expected="a dataset folder made by pocketmoji datagen",
            where=path,
            remedy="give the folder that holds train.jsonl, or make it: pocketmoji datagen",
        )
    rows = []
    for number, line in enumerate(path.read_text("utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append(Example.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(
                f"not a row of a dataset: {'.'.join(map(str, first['loc'])) or 'line'}: {first['msg']}",
                expected='{"text": ..., "emoji": ..., "seed_id": ..., "origin": ...}',
                where=f"{path}, line {number}",
                remedy="make the dataset again: pocketmoji datagen",
            ) from error
    return rows
