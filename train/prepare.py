"""The stage `prepare`: the base is taught everyday language, once for all lists that are tuned from it.

What it leaves is the adapter, not a model: the table is not trained, so the adapter fits the same base whatever rows of
its vocabulary a list keeps. A list's training goes on from it (qlora.py) and replays some of the rows. Kept in the
user's cache by what it was made of; interrupted, it goes on where it stopped.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pocketmoji.core.config import TrainConfig
from pocketmoji.core.console import is_first_process, say
from pocketmoji.core.places import cache_folder
from pocketmoji.core.records import Example
from pocketmoji.core.text.everyday import NAMES_EVERY, EverydayRow, everyday_rows, phrases_to_prepare
from pocketmoji.core.text.typed import restyled
from pocketmoji.core.workspace import MANIFEST, digest_json, give_memory_back, read_json, run_stage, write_json
from pocketmoji.train.base.weights import Base
from pocketmoji.train.loop import processes
from pocketmoji.train.loop.emoji_margin import MARGIN
from pocketmoji.train.rows import Prepared

VOCABULARY = 32_768  # of the model that is trained here: what a list keeps is another matter
RATE = 1e-3


def prepare(base: Base, config: TrainConfig, languages: Sequence[str] = ()) -> Prepared:
    """The adapter that knows everyday language, from the cache or trained now, in all processes that train together."""
    rows = rows_to_prepare(config, languages)
    settings: dict[str, Any] = {
        "rows": len(rows),
        "epochs": config.everyday_epochs,
        "learning_rate": RATE,
        "lora_rank": config.lora_rank,
        "quantise": config.quantise,
        "batch_size": config.batch_size,
        "random_seed": config.random_seed,
        "margin": MARGIN,
    }
    read = {"base": base.digest, "everyday": digest_json([[row.text, row.emoji] for row in rows])}
    folder = cache_folder() / "prepared" / digest_json([settings, read])[:16]

    def work(out: Path) -> None:
        from pocketmoji.train.qlora import CHECKPOINTS, fit

        lesson = TrainConfig(preset="none", epochs=config.everyday_epochs, learning_rate=RATE, **_same(config))
        if is_first_process():
            say(f"prepare: {len(rows)} rows of everyday language, once for all lists")
            _prune(base, rows, out / "base")
            give_memory_back()
            processes.tell_others(to_train=True)
        fitted = fit(rows, [], out / "base", _stop(out / "base"), lesson, out, average=False)
        if is_first_process():
            fitted.model.save_pretrained(out / "adapter")
            write_json(out / "prepared.json", {**fitted.report, "rows": len(rows)})
            shutil.rmtree(out / CHECKPOINTS, ignore_errors=True)
            shutil.rmtree(out / "base")

    if is_first_process():
        made, _ = run_stage(
            folder,
            command="prepare",
            config=settings,
            read=read,
            packages=["torch", "transformers", "peft", "trl", "bitsandbytes"],
            work=work,
            say=say,
        )
        if not made:
            processes.tell_others(to_train=False)
    elif processes.told_to_train():
        work(folder)
    # The others go on when the first one has written the adapter.
    with processes.first_alone():
        return Prepared(folder / "adapter", float(read_json(folder / MANIFEST)["seconds"]), len(rows))


def rows_to_prepare(config: TrainConfig, languages: Sequence[str] = ()) -> list[Example]:
    """`config.everyday_rows` rows, as somebody may type them: everyday language from the first on, names of emoji."""
    names = [row for row in everyday_rows(languages) if row.origin != "everyday"]
    random.Random(config.random_seed).shuffle(names)
    names = names[: config.everyday_rows // NAMES_EVERY]
    phrases = phrases_to_prepare(config.everyday_rows)
    rows = [*phrases, *names]
    return [_example(number, row, config.random_seed) for number, row in enumerate(rows)]


def _example(number: int, row: EverydayRow, random_seed: int) -> Example:
    text = restyled(row.text, random.Random(f"{random_seed}:{row.text}"))
    return Example(text=text, emoji=row.emoji, seed_id=f"everyday-{number}", origin=row.origin)


def _same(config: TrainConfig) -> dict[str, Any]:
    names = ("lora_rank", "quantise", "batch_size", "random_seed", "max_tokens")
    return config.model_dump(include=set(names))


def _prune(base: Base, rows: list[Example], folder: Path) -> None:
    from pocketmoji.train.base.stop_token import choose_stop_token
    from pocketmoji.train.base.vocabulary import prune_base

    stop = choose_stop_token(base.folder)
    prune_base(
        base.folder,
        base.name,
        folder,
        size=VOCABULARY,
        languages="en",
        stop_token=stop.token,
        texts=[row.text for row in rows],
        answers=sorted({row.emoji for row in rows}),
        unseen=[],
        say=lambda _: None,
    )
    write_json(folder / "stop.json", {"token": stop.token, "cosine": stop.cosine, "reason": stop.reason})


def _stop(folder: Path) -> Any:
    from pocketmoji.train.base.stop_token import StopToken

    return StopToken(**read_json(folder / "stop.json"))
