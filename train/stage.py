"""The stages `base` and `train`: a dataset in; the pruned base, then the merged model out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pocketmoji.core.config import TrainConfig
from pocketmoji.core.console import is_first_process, say
from pocketmoji.core.extras import require_extra
from pocketmoji.core.records import EVERYDAY, SPLITS, TYPED, Example, read_jsonl
from pocketmoji.core.text.language import called, find_languages
from pocketmoji.core.workspace import (
    digest_file,
    digest_folder,
    digest_of,
    digests_of,
    read_json,
    run_stage,
    write_json,
)
from pocketmoji.train.loop import processes


def make_base(dataset: Path, config: TrainConfig, folder: Path) -> None:
    """Find the base, choose its stop token, prune its vocabulary to what the dataset and the language need."""
    require_extra("train", what="training")
    rows_of = digests_of(dataset, [f"{split}.jsonl" for split in SPLITS])
    from pocketmoji.train.base.stop_token import choose_stop_token
    from pocketmoji.train.base.vocabulary import prune_base
    from pocketmoji.train.base.weights import resolve_base

    base = resolve_base(config.base)
    say(f"base: {base.name}")
    beside = [name for name in (TYPED, EVERYDAY) if (dataset / name).is_file()]
    trained = [dataset / name for name in ("train.jsonl", "validation.jsonl", *beside)]
    used = [row for path in trained for row in read_jsonl(path, Example)]
    unseen = [row for split in SPLITS[2:] for row in read_jsonl(dataset / f"{split}.jsonl", Example)]
    languages = languages_of(dataset, config)
    if config.languages == "auto":
        tell_languages(languages)
    settings = {
        "size": None if config.keep_vocabulary else config.vocabulary_size,
        "languages": ",".join(languages or ["en"]),
    }

    def work(out: Path) -> None:
        stop = choose_stop_token(base.folder)
        prune_base(
            base.folder,
            base.name,
            out,
            **settings,  # type: ignore[arg-type]
            stop_token=stop.token,
            texts=[row.text for row in used],
            answers=sorted({row.emoji for row in [*used, *unseen]}),
            unseen=[row.text for row in unseen],
            say=say,
        )
        about = {"name": base.name, "source": base.source, "digest": base.digest, "stop": asdict(stop)}
        write_json(out / "base.json", about)

    run_stage(
        folder,
        command="base",
        config=settings,
        read={"base": base.digest, **rows_of, **{name: digest_file(dataset / name) for name in beside}},
        packages=["tokenizers", "wordfreq", "emoji"],
        work=work,
        say=say,
    )


def languages_of(dataset: Path, config: TrainConfig) -> list[str]:
    """The languages that the settings name, else those of the dataset's seeds as datagen found them; none if nobody
    can tell."""
    if config.languages != "auto":
        return config.languages.split(",")
    told = dataset / "statistics.json"
    found: list[str] | None = read_json(told).get("languages") if told.is_file() else None
    if found:
        return found
    rows = [row for split in SPLITS for row in read_jsonl(dataset / f"{split}.jsonl", Example)]
    return find_languages(row.text for row in rows if row.origin == "seed")


def tell_languages(found: Sequence[str]) -> None:
    """Says what the vocabulary keeps where it is not English alone."""
    if not found:
        say(
            "base: the list's language is not told by its words, so the vocabulary keeps English beside what the list"
            " uses (--languages names others, --keep-vocabulary keeps all)"
        )
    elif list(found) != ["en"]:
        say(f"base: the list is in {called(found)}, whose words the vocabulary keeps (--languages names others)")


def tune(dataset: Path, base: Path, config: TrainConfig, folder: Path) -> bool:
    """Dataset and pruned base to the merged model, in this process or in all that `accelerate launch` started. Unless
    everyday language is left out, the base is prepared first, or found prepared. False if the model was there already.
    """
    require_extra("train", what="training")
    from pocketmoji.train.base.weights import resolve_base
    from pocketmoji.train.prepare import prepare

    if config.preset == "auto":
        phrases = sum(row.origin == "seed" for row in read_jsonl(dataset / "train.jsonl", Example))
        config = config.for_list(phrases)
        if config.preset == "memorise":
            say(f"train: {phrases} phrases are a long list: preset memorise (docs/train.md)")

    prepared = prepare(resolve_base(config.base), config, languages_of(dataset, config)) if config.everyday else None

    def work(out: Path) -> None:
        from pocketmoji.train.base.stop_token import StopToken
        from pocketmoji.train.qlora import train

        if is_first_process():
            processes.tell_others(to_train=True)
        about = read_json(base / "base.json")
        train(dataset, base, about["name"], StopToken(**about["stop"]), config, out, prepared)

    if not is_first_process():
        if to_train := processes.told_to_train():
            work(folder)
        return to_train
    trained, _ = run_stage(
        folder,
        command="train",
        config=config.model_dump(
            mode="json", exclude={"base", "keep_vocabulary", "vocabulary_size", "languages", "report_to"}
        ),
        read={
            **digests_of(dataset, ["train.jsonl", "validation.jsonl"]),
            **{name: digest_file(dataset / name) for name in (TYPED, EVERYDAY) if (dataset / name).is_file()},
            "base": digest_of(base),
            **({"prepared": digest_folder(prepared.adapter)} if prepared else {}),
        },
        packages=["torch", "transformers", "peft", "trl", "bitsandbytes"],
        work=work,
        say=say,
    )
    if not trained:
        processes.tell_others(to_train=False)
    return trained
