"""The datagen stage: a seed file in, a dataset folder out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from datagen.card import describe, render_card
from datagen.filters import Screen
from datagen.offline import OfflineTeacher
from datagen.seeds import read_seeds
from datagen.splits import choose_heldout_seeds, split_dataset, wanted_paraphrases
from datagen.teacher import Ask, Candidate, Teacher, run_async
from pocketmoji.config import DatagenConfig
from pocketmoji.console import progress, say
from pocketmoji.errors import InputError, TeacherError
from pocketmoji.records import Seed, write_jsonl
from pocketmoji.workspace import write_json, write_text

KEY_VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
JOURNAL = ".teacher_journal.jsonl"


def generate(seeds_path: Path, config: DatagenConfig, folder: Path, teacher: Teacher | None = None) -> None:
    """Reads the seeds, has them paraphrased and writes the dataset to `folder`.

    Writes train, validation, heldout_paraphrases and heldout_seeds (Example records), seeds, rejected and dropped, all
    .jsonl, then README.md and statistics.json. Same seeds, settings and replies: same bytes.
    """
    if config.heldout_paraphrases > config.paraphrases:
        raise InputError(
            f"heldout_paraphrases is {config.heldout_paraphrases}",
            expected=f"at most paraphrases, which is {config.paraphrases}",
            where="settings of datagen",
            remedy="ask for more paraphrases, or hold fewer back",
        )
    file = read_seeds(seeds_path, config.max_bad_rows)
    say(f"datagen: {len(file.seeds)} seeds in {file.rows} rows of {file.name}")
    for note in file.notes:
        say(f"  {note}")
    teacher = teacher or choose_teacher(config, folder, os.environ)
    heldout = choose_heldout_seeds(file.seeds, config)
    screen = Screen(file.seeds)
    accepted, received = run_async(_collect(teacher, file.seeds, heldout, config, screen))
    if not received:
        raise TeacherError(
            f"the teacher {teacher.name} gave no paraphrase at all for {len(file.seeds)} seeds",
            remedy="try another model with --teacher-model, or --teacher offline",
        )
    dataset = split_dataset(file.seeds, heldout, accepted, config, screen)
    statistics = describe(file, dataset, screen.dropped, config, teacher.name, received)

    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in dataset.splits.items():
        write_jsonl(folder / f"{split}.jsonl", rows)
    write_jsonl(folder / "seeds.jsonl", file.seeds)
    write_jsonl(folder / "rejected.jsonl", file.rejected)
    write_jsonl(folder / "dropped.jsonl", screen.dropped)
    write_json(folder / "statistics.json", statistics)
    write_text(folder / "README.md", render_card(statistics))
    say(f"datagen: {', '.join(f'{len(rows)} {split}' for split, rows in dataset.splits.items())} rows in {folder}")
    if dataset.short:
        say(f"datagen: {len(dataset.short)} seeds got fewer paraphrases than asked for (listed in README.md)")


def choose_teacher(config: DatagenConfig, folder: Path, environment: Mapping[str, str]) -> Teacher:
    """The teacher that the settings name; "auto" takes gemini if there is a key. Says which it took and why."""
    key = next((environment[name] for name in KEY_VARIABLES if environment.get(name)), None)
    if config.teacher == "offline" or (config.teacher == "auto" and not key):
        why = "asked for" if config.teacher == "offline" else f"no {' or '.join(KEY_VARIABLES)} is set"
        say(f"datagen: teacher offline, hand-written rules and no model ({why})")
        return OfflineTeacher(config.random_seed)
    if not key:
        raise TeacherError(
            "the gemini teacher has no key",
            expected=f"{' or '.join(KEY_VARIABLES)} in the environment",
            remedy="set the key, or use --teacher offline",
        )
    from datagen.gemini import GeminiTeacher

    why = "asked for" if config.teacher == "gemini" else "a key is set"
    say(f"datagen: teacher gemini:{config.teacher_model} ({why})")
    folder.mkdir(parents=True, exist_ok=True)
    return GeminiTeacher(config.teacher_model, key, folder / JOURNAL)


async def _collect(
    teacher: Teacher, seeds: list[Seed], heldout: set[str], config: DatagenConfig, screen: Screen
) -> tuple[dict[str, list[Candidate]], int]:
    """Accepted candidates by seed_id and the number received. What filters took away is asked for once more."""
    accepted: dict[str, list[Candidate]] = {seed.seed_id: [] for seed in seeds}
    heard: dict[str, list[str]] = {seed.seed_id: [] for seed in seeds}
    received = 0
    for label in ("paraphrasing", "asking again"):
        asks = []
        for seed in seeds:
            wanted = wanted_paraphrases(seed, heldout, config)
            # Half as many again as needed: filters and splits will take some.
            missing = wanted + max(2, wanted // 2) - len(accepted[seed.seed_id])
            enough = label == "asking again" and len(accepted[seed.seed_id]) >= wanted
            if missing > 0 and not enough:
                asks.append(Ask(seed, missing, tuple(heard[seed.seed_id])))
        if not asks:
            break
        with progress(f"datagen: {label}", len(asks), "seeds") as advance:
            replies = await teacher.paraphrase(asks, advance)
        for ask, candidates in zip(asks, replies, strict=True):
            for candidate in candidates:
                received += 1
                heard[ask.seed.seed_id].append(candidate.text)
                if kept := screen.accept(ask.seed, candidate):
                    accepted[ask.seed.seed_id].append(kept)
    return accepted, received
