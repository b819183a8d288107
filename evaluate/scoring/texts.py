"""Which texts are evaluated: the trained seeds, as they are and as people type them, their held-out paraphrases, seeds
that were not trained, and everyday phrases.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from pocketmoji.core.config import EvaluateConfig
from pocketmoji.core.errors import InputError
from pocketmoji.core.records import GROUPS, TYPED, EvaluationText, Example, Group
from pocketmoji.evaluate.groups.everyday import everyday_phrases, not_near
from pocketmoji.evaluate.groups.other_words import LIMIT, overlap
from pocketmoji.evaluate.groups.typed import FORMS, typed

GROUP_NAMES: dict[Group, str] = {
    "seed": "trained phrase",
    "other_words": "in other words",
    "everyday": "everyday phrase",
    "typed": "as people type it",
    "paraphrase": "held-out paraphrase",
    "untaught": "paraphrase, none was trained",
    "heldout_seed": "phrase never trained",
}
# How the texts are shared out where there are too many: what people type counts most.
WEIGHTS: dict[Group, int] = {"everyday": 3, "other_words": 2, "typed": 2, "seed": 2}


def evaluation_texts(dataset: Path, config: EvaluateConfig) -> list[EvaluationText]:
    """The texts of a dataset folder to be answered, at most `config.max_texts`, always the same for the same dataset.

    Above the limit each group has its share (WEIGHTS), what a small one leaves going to the others. The groups are
    interleaved: any beginning of the list is a fair sample, and its first texts are one of each group, because only the
    first few go through WebGPU.
    """
    train, others = _read(dataset / "train.jsonl"), _read(dataset / "heldout_seeds.jsonl")
    heldout = _read(dataset / "heldout_paraphrases.jsonl")
    listed = [_text(row, "seed") for row in train if row.origin == "seed"]
    listed += _paraphrases(heldout, train) + [_text(row, "heldout_seed") for row in others]
    if not listed:
        raise InputError(
            "the dataset has no text to evaluate", where=dataset, remedy="make it again: pocketmoji datagen"
        )
    groups: dict[Group, list[EvaluationText]] = {group: [] for group in GROUPS}
    for text in listed:
        groups[text.group].append(text)
    asked = {text.text for text in listed}
    trained = {row.text for row in [*train, *(_read(dataset / TYPED) if (dataset / TYPED).is_file() else [])]}
    groups["typed"] = _typed(groups["seed"], asked, trained, config.random_seed)
    if config.everyday:
        groups["everyday"] = _everyday([row.text for row in [*train, *others]])
    room = shares({group: len(texts) for group, texts in groups.items()}, config.max_texts)
    chosen = [text for group in GROUPS for text in _sample(groups[group], room[group], config.random_seed)]
    return interleave(chosen)


def interleave(texts: list[EvaluationText]) -> list[EvaluationText]:
    """`texts` with each group spread evenly over the list, a text of each group first."""
    size = Counter(text.group for text in texts)
    seen: Counter[str] = Counter()
    keys = []
    for text in texts:
        keys.append((seen[text.group] / size[text.group], GROUPS.index(text.group)))
        seen[text.group] += 1
    return [text for _, text in sorted(zip(keys, texts, strict=True), key=lambda pair: pair[0])]


def shares(sizes: Mapping[Group, int], limit: int) -> dict[Group, int]:
    """How many texts of each group there is room for: all, or by weight, each as far as it has any."""
    if sum(sizes.values()) <= limit:
        return dict(sizes)
    taken = dict.fromkeys(sizes, 0)
    for _ in range(limit):
        open_ = [group for group in sizes if taken[group] < sizes[group]]
        taken[min(open_, key=lambda group: taken[group] / WEIGHTS.get(group, 1))] += 1
    return taken


def overlaps(texts: Sequence[EvaluationText]) -> dict[str, float] | None:
    """What the texts in other words share with the training rows of their seed; None if there are none."""
    found = [text.overlap for text in texts if text.group == "other_words" and text.overlap is not None]
    if not found:
        return None
    return {"limit": LIMIT, "mean": round(sum(found) / len(found), 4), "largest": round(max(found), 4)}


def is_paraphrase(row: Example) -> bool:
    """False for a seed's own text and for what only types it otherwise."""
    return row.origin != "seed" and not row.origin.startswith("typed")


def _paraphrases(heldout: Sequence[Example], train: Sequence[Example]) -> list[EvaluationText]:
    """The held-out paraphrases, each in its group: what was not taught is not asked of the model as if it had been."""
    trained: dict[str, list[str]] = {}
    taught = {row.seed_id for row in train if is_paraphrase(row)}
    for row in train:
        trained.setdefault(row.seed_id, []).append(row.text)
    found = []
    for row in heldout:
        shared = overlap(row.text, trained.get(row.seed_id, ()))
        group: Group = "untaught" if row.seed_id not in taught else "other_words" if shared <= LIMIT else "paraphrase"
        found.append(_text(row, group).model_copy(update={"overlap": round(shared, 4)}))
    return found


def _typed(
    seeds: Sequence[EvaluationText], asked: set[str], trained: set[str], random_seed: int
) -> list[EvaluationText]:
    """Every seed in every form, in an order whose beginning has as many of each form.

    Capitals may have been trained, they are what is asked; a typo may not. A text that is another seed's is left out.
    """
    found, said = [], set(asked)
    ordered = sorted(seeds, key=lambda seed: _draw(seed.seed_id, random_seed))
    for turn in range(len(FORMS)):
        for place, seed in enumerate(ordered):
            form = FORMS[(place + turn) % len(FORMS)]
            text = typed(seed.text, form, trained, random_seed)
            if text is not None and text not in said:
                said.add(text)
                found.append(seed.model_copy(update={"text": text, "group": "typed", "form": form}))
    return found


def _everyday(known: Sequence[str]) -> list[EvaluationText]:
    """The phrases, one half with a capital first letter, as phones write it: a model may take that for the list's."""
    found = []
    for text, emoji in not_near(everyday_phrases(), known):
        drawn = _draw(text, 0)[:10]
        asked = text[:1].upper() + text[1:] if int(drawn, 16) % 2 else text
        found.append(EvaluationText(text=asked, emoji=emoji, seed_id=f"everyday-{drawn}", group="everyday"))
    return found


def _sample(texts: Sequence[EvaluationText], room: int, random_seed: int) -> list[EvaluationText]:
    """So many of a group's texts, seeds in the order of a hash of their id, so that a new seed in the list does not
    reshuffle the others; a seed's second text comes after every seed's first."""
    if room >= len(texts):
        return list(texts)
    if texts[0].group == "typed":  # they have their order
        return list(texts[:room])
    seen: Counter[str] = Counter()
    keyed = []
    for place, text in enumerate(texts):
        keyed.append((seen[text.seed_id], _draw(text.seed_id, random_seed), place))
        seen[text.seed_id] += 1
    kept = {place for _, _, place in sorted(keyed)[:room]}
    return [text for place, text in enumerate(texts) if place in kept]


def _draw(value: str, random_seed: int) -> str:
    return hashlib.sha256(f"{random_seed}\0{value}".encode()).hexdigest()


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
