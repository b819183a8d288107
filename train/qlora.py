"""QLoRA: NF4 through bitsandbytes, LoRA through peft, TRL's SFTTrainer, and a merge that ships what was trained."""

from __future__ import annotations

import logging
import os
import shutil
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pocketmoji.core.config import TrainConfig
from pocketmoji.core.console import is_first_process, progress, say
from pocketmoji.core.errors import InputError
from pocketmoji.core.grid import PRECISIONS
from pocketmoji.core.notice import write_notice
from pocketmoji.core.records import Example, read_jsonl
from pocketmoji.core.text.memory import write_memory
from pocketmoji.core.workspace import read_json, write_json, write_text
from pocketmoji.train.base.stop_token import StopToken
from pocketmoji.train.blend import blend
from pocketmoji.train.loop.average import mean_weights
from pocketmoji.train.loop.best_epoch import keep_best, load_adapter, restore_best
from pocketmoji.train.loop.curve import loss_curve
from pocketmoji.train.loop.emoji_margin import EmojiMargin
from pocketmoji.train.loop.encoding import Encoded, encode
from pocketmoji.train.loop.nf4 import freeze_lowest, load_nf4, merge
from pocketmoji.train.loop.precision import choose_precision
from pocketmoji.train.loop.preflight import check_encoding, check_template
from pocketmoji.train.loop.trainer import make_trainer, probe_first_batch, progress_callback, steps_per_epoch
from pocketmoji.train.rows import Prepared, rows_to_train

CHECKPOINTS = ".checkpoints"
CALIBRATION_ROWS = 128


def train(
    dataset: Path,
    base: Path,
    base_name: str,
    stop: StopToken,
    config: TrainConfig,
    folder: Path,
    prepared: Prepared | None = None,
) -> dict[str, Any]:
    """Tune the (pruned) model in `base` on `dataset`; write the merged model, adapter and training.json to `folder`.

    It is trained through the grid that `config.quantise` names, going on from the adapter of the prepared base if there
    is one (prepare.py). Of several processes (loop/processes.py) the first writes and returns the report, the
    others {}.
    """
    started = time.monotonic()
    rows, validation = rows_to_train(dataset, config), read_jsonl(dataset / "validation.jsonl", Example)
    if not rows:
        raise InputError("the dataset has no training rows", where=dataset / "train.jsonl", remedy="run datagen anew")
    fitted = fit(rows, validation, base, stop, config, folder, prepared.adapter if prepared else None)
    if not is_first_process():
        return {}
    if prepared:
        blend(fitted.model, prepared.adapter, config.tuned_share)
    fitted.model.save_pretrained(folder / "adapter")
    merge(fitted.model, base, folder, PRECISIONS[config.quantise])
    report = {"base": base_name, **fitted.report, "seconds": round(time.monotonic() - started, 1)}
    report["rows"] = dict(Counter(row.origin.partition(":")[0] for row in rows))
    report["prepared"] = {"rows": prepared.rows, "seconds": prepared.seconds} if prepared else None
    report["tuned_share"] = config.tuned_share if prepared else 1.0
    report["vocabulary"] = read_json(base / "vocabulary.json")
    write_notice(folder, base_name, "tuned with QLoRA on a personal emoji dataset and merged")
    trained = [(float(row["step"]), row["loss"]) for row in report["loss"] if "loss" in row]
    validated = [(float(row["step"]), row["validation_loss"]) for row in report["loss"] if "validation_loss" in row]
    write_text(folder / "loss.svg", loss_curve(trained, validated))
    # What export may calibrate on: rows that were trained, never a text that is evaluated.
    write_json(folder / "calibration.json", fitted.tokens[:CALIBRATION_ROWS])
    # What export may send along with the model: the list and its paraphrases, neither their typed forms nor everyday
    # language, which would answer in place of the model.
    listed = read_jsonl(dataset / "train.jsonl", Example)
    write_memory(folder, ((row.text, row.emoji) for row in listed))
    write_json(folder / "training.json", report)
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    return report


@dataclass
class Fitted:
    """A peft model as it is trained, what training.json says of it, and the token ids of the rows it was trained on."""

    model: Any
    report: dict[str, Any]
    tokens: list[list[int]]


def fit(
    rows: Sequence[Example],
    validation: Sequence[Example],
    base: Path,
    stop: StopToken,
    config: TrainConfig,
    folder: Path,
    start: Path | None = None,
    average: bool = True,
) -> Fitted:
    """Train an adapter of the model in `base` on the rows, from the adapter in `start` on (but for its lowest layers),
    everyday language with the margin of loop/emoji_margin.py; the epoch that answers `validation` best is kept.
    `average`: at a steady rate, to the mean of each epoch's later weights (loop/average.py); else at a falling one.

    An interrupted training goes on from its last checkpoint below `folder`, to the same result.
    """
    # As it is imported, it speaks of a kernel for inference from the Hub, which no training uses.
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    from transformers import AutoTokenizer, set_seed
    from transformers.utils import logging as transformers_logging

    warnings.filterwarnings("ignore", category=FutureWarning)  # of our libraries' own calls to each other
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    precision = choose_precision()
    say(f"train: computing in {precision.dtype} on {precision.device}: {precision.reason}")
    say(f"train: answers end on {stop.token}: {stop.reason}")
    set_seed(config.random_seed)

    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    splits: dict[str, list[Encoded]] = {}
    check_template(tokenizer, stop)
    stop_id = tokenizer.convert_tokens_to_ids(stop.token)
    for split, examples in (("train", rows), ("validation", validation)):
        splits[split] = [encode(tokenizer, example, stop_id, config.max_tokens) for example in examples]
        check_encoding(tokenizer, examples, splits[split], stop)

    grid = PRECISIONS[config.quantise]
    if grid.layers:
        say(f"train: through the grid of {grid.name}, {grid.layers}")
    model = load_nf4(base, precision, config, grid)
    if start:
        load_adapter(model, start)
        freeze_lowest(model, config.frozen_layers)
    checkpoints = folder / CHECKPOINTS
    emoji_margin = EmojiMargin(base, model.config.vocab_size)
    trainer = make_trainer(
        model, tokenizer, splits, precision, config, checkpoints, margin=emoji_margin, steady=average
    )
    probe_first_batch(trainer, len(tokenizer))
    last = last_checkpoint(checkpoints)
    done = int(last.name.removeprefix("checkpoint-")) if last else 0
    if last:
        say(f"train: going on from step {done}")
    steps = trainer.args.max_steps
    best, epoch = checkpoints / "best", steps_per_epoch(len(rows), config)
    if validation:
        trainer.add_callback(keep_best(best, base, validation, stop_id, epoch))
    if average:
        trainer.add_callback(mean_weights(checkpoints / "mean", epoch, measured=bool(validation)))
    with progress("train", steps, "steps") as advance:
        trainer.add_callback(progress_callback(advance))
        advance(done)
        if last and done >= steps:  # all that was missing is what comes after; the Trainer would make one step too many
            load_adapter(trainer.model, last)
            trainer.state.log_history = read_json(last / "trainer_state.json")["log_history"]
        else:
            trainer.train(resume_from_checkpoint=str(last) if last else None)
    tokens = [row.tokens for row in splits["train"]]
    if not is_first_process():
        return Fitted(trainer.model, {}, tokens)
    kept = restore_best(trainer.model, best, steps)
    named = lambda key, name: [
        {"step": float(row["step"]), name: float(row[key])} for row in trainer.state.log_history if key in row
    ]
    report = {
        "precision": precision.dtype,
        "precision_reason": precision.reason,
        "device": precision.device,
        "quantise": config.quantise,
        "stop_token": stop.token,
        "stop_token_reason": stop.reason,
        "steps": steps,
        "examples": len(rows),
        "tokens_per_epoch": sum(map(len, tokens)),
        "loss": [*named("loss", "loss"), *named("eval_loss", "validation_loss")],
        "validation_recall": [{**row, "step": int(row["step"])} for row in named("eval_recall", "recall")],
        "kept_step": kept["step"] if kept else steps,
    }
    return Fitted(trainer.model, report, tokens)


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end (trainer_state.json is what the Trainer writes last)."""
    found = [path for path in folder.glob("checkpoint-*") if (path / "trainer_state.json").is_file()]
    return max(found, key=lambda path: int(path.name.removeprefix("checkpoint-")), default=None)
