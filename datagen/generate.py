"""The datagen stage: a seed file in, a dataset folder out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.console import say
from pocketmoji.core.errors import GateFailed, InputError, TeacherError
from pocketmoji.core.records import Example, write_jsonl
from pocketmoji.core.text.language import find_languages
from pocketmoji.core.workspace import write_json, write_text
from pocketmoji.datagen.collect import Collected, collect
from pocketmoji.datagen.dataset.beside import everyday_for, write_beside
from pocketmoji.datagen.dataset.card import describe, render_card
from pocketmoji.datagen.dataset.leaks import measure_leaks, shared_seeds, worst_leak
from pocketmoji.datagen.dataset.splits import choose_heldout_seeds, choose_validated, place, wanted_paraphrases
from pocketmoji.datagen.dataset.writer import Tally, dataset_writer, lines_writer
from pocketmoji.datagen.executors.journal import Journal
from pocketmoji.datagen.filters.filters import SURPLUS_REASON, Screen
from pocketmoji.datagen.requests.teacher import Candidate, Teacher
from pocketmoji.datagen.seeds.reading import SeedFile, read_seeds
from pocketmoji.datagen.teachers.teachers import JOURNAL, choose_judge, choose_teacher, find_recording, teacher_name


def generate(seeds_path: Path, config: DatagenConfig, folder: Path, teacher: Teacher | None = None) -> None:
    """Reads the seeds, has them paraphrased and writes the dataset to `folder`.

    Writes train, validation, heldout_paraphrases and heldout_seeds (Example records, .jsonl and .parquet), seeds,
    rejected, dropped, typed and everyday (.jsonl), then README.md with its plots and statistics.json. Same seeds,
    settings and replies: same bytes, whichever executor got the replies and however often it was interrupted.
    GateFailed, with everything written, if more texts leak between splits than `max_leak` allows.
    """
    file = read_seeds(seeds_path, config.max_bad_rows)
    recording = find_recording(seeds_path, config)
    config = config.for_list(len(file.seeds), teacher_name(config, recording) == "offline")
    if config.heldout_paraphrases > config.paraphrases:
        raise InputError(
            f"heldout_paraphrases is {config.heldout_paraphrases}",
            expected=f"at most paraphrases, which is {config.paraphrases}",
            where="settings of datagen",
            remedy="ask for more paraphrases, or hold fewer back",
        )
    say(f"datagen: {len(file.seeds)} seeds in {file.rows} rows of {file.name}")
    for note in file.notes:
        say(f"  {note}")
    journal = Journal(folder / JOURNAL)
    languages = find_languages(seed.text for seed in file.seeds)
    teacher = teacher or choose_teacher(config, journal, os.environ, languages, recording)
    judge = choose_judge(config, journal, os.environ)
    everyday = everyday_for(file.seeds, languages, config)
    heldout = choose_heldout_seeds(file.seeds, config, everyday.near)
    wanted = [wanted_paraphrases(seed, heldout, config) for seed in file.seeds]
    folder.mkdir(parents=True, exist_ok=True)
    with closing(journal), _no_empty_folder(folder), lines_writer(folder / "dropped.jsonl") as record:
        screen = Screen(file.seeds, record, config.language)
        collected = collect(teacher, file.seeds, wanted, screen, folder, judge)
        if not screen.received:
            _remove(collected)
            raise TeacherError(
                f"the teacher {teacher.name} gave no paraphrase at all for {len(file.seeds)} seeds",
                expected=teacher.exhausted or None,
                where=getattr(teacher, "trouble", "") or None,
                remedy="try another model with --teacher-model, or --teacher offline",
            )
        screen.forget_texts()
        tally, got = _write_splits(file, heldout, collected, screen, config, folder)
    _remove(collected)
    short = {n: (got[n], wanted[n], collected.why.get(n, "")) for n in range(len(got)) if got[n] < wanted[n]}

    beside = write_beside(file.seeds, heldout, everyday, config, folder)
    write_jsonl(folder / "seeds.jsonl", file.seeds)
    write_jsonl(folder / "rejected.jsonl", file.rejected)
    leaks = measure_leaks(folder)
    statistics = describe(
        file, heldout, tally, short, screen, config, teacher, leaks=leaks, shared=shared_seeds(folder), beside=beside
    )
    statistics["languages"] = languages
    write_json(folder / "statistics.json", statistics)
    write_text(folder / "README.md", render_card(statistics, folder))
    _tell(statistics, folder)
    pair, rate = worst_leak(leaks)
    if rate > config.max_leak or statistics["seeds_shared"]:
        raise GateFailed(
            f"datagen: {rate:.2%} of the texts of the splits {pair} are near-duplicates"
            f" ({statistics['seeds_shared']} held-out seeds stand in other splits)\n"
            f"  expected: at most {config.max_leak:.2%} (--max-leak), and none\n  where:    {folder / 'README.md'}"
        )


def _write_splits(
    file: SeedFile, heldout: set[str], collected: Collected, screen: Screen, config: DatagenConfig, folder: Path
) -> tuple[Tally, list[int]]:
    """Streams the accepted candidates into the splits; what was written and how many paraphrases each seed got."""
    validated = choose_validated(file.seeds, heldout, config)
    accepted = collected.by_seed()
    ready = next(accepted, None)
    got = [0] * len(file.seeds)
    with dataset_writer(folder) as writer:
        for number, seed in enumerate(file.seeds):
            candidates: list[Candidate] = []
            if ready and ready[0] == number:
                candidates, ready = ready[1], next(accepted, None)
            rows, surplus = place(seed, candidates, heldout, validated, config)
            got[number] = len(rows) - 1
            for split, row in rows:
                writer.write(
                    split,
                    Example(text=row.text, emoji=seed.emoji, seed_id=seed.seed_id, origin=row.origin, cell=row.cell),
                )
            for candidate in surplus:
                screen.drop(seed, candidate, SURPLUS_REASON)
        return writer.tally, got


@contextmanager
def _no_empty_folder(folder: Path) -> Iterator[None]:
    """Takes the folder away again if a failure leaves nothing in it."""
    try:
        yield
    except Exception:
        if not any(folder.iterdir()):
            folder.rmdir()
        raise


def _remove(collected: Collected) -> None:
    for path in collected.rounds:
        path.unlink(missing_ok=True)


def _tell(statistics: dict[str, object], folder: Path) -> None:
    splits = statistics["splits"]
    assert isinstance(splits, dict)
    say(f"datagen: {', '.join(f'{rows} {split}' for split, rows in splits.items())} rows in {folder}")
    if short := statistics["seeds_short"]:
        assert isinstance(short, list)
        say(f"datagen: {len(short)} seeds got fewer paraphrases than asked for (listed in README.md)")
    if unfit := statistics["teacher_unfit"]:
        say(f"datagen: {unfit}")
