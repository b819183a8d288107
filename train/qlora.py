"""QLoRA: NF4 through bitsandbytes, LoRA through peft, TRL's SFTTrainer, and a merge that ships what was trained."""

from __future__ import annotations

import logging
import os
import shutil
import time
import warnings
from pathlib import Path
from typing import Any

from pocketmoji.core.config import TrainConfig
from pocketmoji.core.console import is_first_process, progress, say
from pocketmoji.core.errors import InputError
from pocketmoji.core.grid import PRECISIONS
from pocketmoji.core.grid import Precision as WeightGrid
from pocketmoji.core.notice import write_notice
from pocketmoji.core.records import Example, read_jsonl
from pocketmoji.core.workspace import read_json, write_json, write_text
from pocketmoji.train import processes
from pocketmoji.train.best_epoch import keep_best, load_adapter, restore_best
from pocketmoji.train.curve import loss_curve
from pocketmoji.train.encoding import Encoded, encode
from pocketmoji.train.precision import Precision, choose_precision
from pocketmoji.train.preflight import check_encoding, check_first_loss, check_template
from pocketmoji.train.quantise_aware import round_to_grid, train_through_grid
from pocketmoji.train.shared_prefix import IGNORED, collate, feature, label_loss
from pocketmoji.train.stop_token import StopToken

CHECKPOINT_STEPS = 20
CALIBRATION_ROWS = 128


def train(
    dataset: Path,
    base: Path,
    base_name: str,
    stop: StopToken,
    config: TrainConfig,
    folder: Path,
) -> dict[str, Any]:
    """Tune the (pruned) model in `base` on `dataset`; write the merged model, adapter and training.json to `folder`.

    It is trained through the grid that `config.quantise` names. An interrupted training goes on
    from its last checkpoint in `folder/.checkpoints`, to the same result. Of several processes (train/processes.py) the
    first writes and returns the report, the others {}.
    """
    # As it is imported, it speaks of a kernel for inference from the Hub, which no training uses.
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    import torch
    from transformers import AutoTokenizer, set_seed
    from transformers.utils import logging as transformers_logging

    warnings.filterwarnings("ignore", category=FutureWarning)  # of our libraries' own calls to each other
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    started = time.monotonic()
    precision = choose_precision()
    say(f"train: computing in {precision.dtype} on {precision.device}: {precision.reason}")
    say(f"train: answers end on {stop.token}: {stop.reason}")
    set_seed(config.random_seed)

    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    splits: dict[str, list[Encoded]] = {}
    check_template(tokenizer, stop)
    stop_id = tokenizer.convert_tokens_to_ids(stop.token)
    for split in ("train", "validation"):
        examples = read_jsonl(dataset / f"{split}.jsonl", Example)
        if split == "train":
            examples = repeated(examples, config.seed_repeats)
        splits[split] = [encode(tokenizer, example, stop_id, config.max_tokens) for example in examples]
        check_encoding(tokenizer, examples, splits[split], stop)
    validation = examples
    if not splits["train"]:
        raise InputError("the dataset has no training rows", where=dataset / "train.jsonl", remedy="run datagen anew")

    grid = PRECISIONS[config.quantise]
    if grid.layers:
        say(f"train: through the grid of {grid.name}, {grid.layers}")
    model = load_nf4(base, precision, config, grid)
    trainer = make_trainer(model, tokenizer, splits, precision, config, folder / ".checkpoints")
    probe_first_batch(trainer, len(tokenizer))
    last = last_checkpoint(folder / ".checkpoints")
    done = int(last.name.removeprefix("checkpoint-")) if last else 0
    if last:
        say(f"train: going on from step {done}")
    steps = trainer.args.max_steps
    best = folder / ".checkpoints" / "best"
    if validation:
        trainer.add_callback(keep_best(best, base, validation, stop_id, steps_per_epoch(len(splits["train"]), config)))
    with progress("train", steps, "steps") as advance:
        trainer.add_callback(progress_callback(advance))
        advance(done)
        if last and done >= steps:  # all that was missing is the merge; the Trainer would make one step too many
            load_adapter(trainer.model, last)
            trainer.state.log_history = read_json(last / "trainer_state.json")["log_history"]
        else:
            trainer.train(resume_from_checkpoint=str(last) if last else None)
    if not is_first_process():
        return {}

    history = trainer.state.log_history
    curve = [(float(row["step"]), float(row["loss"])) for row in history if "loss" in row]
    losses = [(float(row["step"]), float(row["eval_loss"])) for row in history if "eval_loss" in row]
    recalls = {int(row["step"]): float(row["eval_recall"]) for row in history if "eval_recall" in row}
    kept = restore_best(trainer.model, best, steps)
    trainer.model.save_pretrained(folder / "adapter")
    merge(trainer.model, base, folder, grid)
    del trainer, model
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    write_notice(folder, base_name, "tuned with QLoRA on a personal emoji dataset and merged")
    write_text(folder / "loss.svg", loss_curve(curve, losses))
    tokens = sum(len(row.tokens) for row in splits["train"])
    report = {
        "base": base_name,
        "precision": precision.dtype,
        "precision_reason": precision.reason,
        "device": precision.device,
        "quantise": config.quantise,
        "stop_token": stop.token,
        "stop_token_reason": stop.reason,
        "steps": steps,
        "examples": len(splits["train"]),
        "tokens_per_epoch": tokens,
        "seconds": round(time.monotonic() - started, 1),
        "loss": [{"step": step, "loss": loss} for step, loss in curve]
        + [{"step": step, "validation_loss": loss} for step, loss in losses],
        "validation_recall": [{"step": step, "recall": recall} for step, recall in recalls.items()],
        "kept_step": kept["step"] if kept else steps,
        "vocabulary": read_json(base / "vocabulary.json"),
    }
    # What export may calibrate on: rows that were trained, never a text that is evaluated.
    write_json(folder / "calibration.json", [row.tokens for row in splits["train"][:CALIBRATION_ROWS]])
    write_json(folder / "training.json", report)
    shutil.rmtree(folder / ".checkpoints", ignore_errors=True)
    return report


def repeated(examples: list[Example], times: int) -> list[Example]:
    """The rows with each seed's own text `times` times: what is seen more often is kept more surely."""
    return [row for row in examples for _ in range(times if row.origin == "seed" else 1)]


def steps_per_epoch(examples: int, config: TrainConfig) -> int:
    return -(-examples // config.batch_size)


def planned_steps(examples: int, config: TrainConfig) -> int:
    return config.max_steps or max(1, round(steps_per_epoch(examples, config) * config.epochs))


def load_nf4(base: Path, precision: Precision, config: TrainConfig, grid: WeightGrid) -> Any:
    """The base with its linear layers in NF4 and a LoRA adapter on each of them, to be trained through `grid`."""
    import torch
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    quantization = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=precision.torch_dtype,
    )
    model = AutoModelForCausalLM.from_pretrained(
        base,
        quantization_config=quantization,
        dtype=precision.torch_dtype,
        attn_implementation="sdpa",
        device_map={"": processes.device() if precision.device == "cuda" else precision.device},
    )
    model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    if precision.device == "cpu" and not grid.layers:
        unpack_nf4(model)
    torch.manual_seed(config.random_seed)
    lora = LoraConfig(
        r=config.lora_rank,
        lora_alpha=2 * config.lora_rank,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(model, lora)
    train_through_grid(model, grid, dequantised, precision.torch_dtype)
    return model


def dequantised(layer: Any) -> Any:
    """The weight of a linear layer as a float32 tensor, read back from NF4 if it is in NF4."""
    import bitsandbytes as bnb

    if isinstance(layer, bnb.nn.Linear4bit):
        packed: Any = layer.weight
        return bnb.functional.dequantize_4bit(packed.data, packed.quant_state).float()
    return layer.weight.data.float()


def unpack_nf4(model: Any) -> None:
    """Replace NF4 layers by plain ones of the same values.

    On a CPU with AVX-512 bitsandbytes repacks an NF4 weight when the layer is first used outside of training, and what
    is read back from it then is another weight. Layers that compute through a grid never use it.
    """
    import bitsandbytes as bnb
    from torch import nn

    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, bnb.nn.Linear4bit):
                plain = nn.Linear(child.in_features, child.out_features, bias=False, device="meta")
                plain.weight = nn.Parameter(dequantised(child).to(child.compute_dtype), requires_grad=False)
                setattr(module, name, plain)


def make_trainer(
    model: Any,
    tokenizer: Any,
    splits: dict[str, list[Encoded]],
    precision: Precision,
    config: TrainConfig,
    out: Path,
    in_order: bool = False,
) -> Any:
    """TRL's trainer over rows that are tokenised already, with the loss of train/shared_prefix.py; `in_order`: not
    shuffled."""
    from datasets import Dataset
    from torch.utils.data import SequentialSampler
    from transformers import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    window = model.config.sliding_window

    class SharedPrefixTrainer(SFTTrainer):
        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            loss = label_loss(model, inputs, window)
            loss = processes.mean_over_labels(loss, int((inputs["labels"] != IGNORED).sum()))
            return (loss, {}) if return_outputs else loss

        def _get_train_sampler(self, *given: Any, **named: Any) -> Any:
            if in_order:
                return SequentialSampler(train_rows)
            return super()._get_train_sampler(*given, **named)

    def rows(encoded: list[Encoded]) -> Any:
        return Dataset.from_list([feature(row) for row in encoded])

    train_rows = rows(splits["train"])
    steps = planned_steps(len(splits["train"]), config)
    arguments = SFTConfig(
        output_dir=str(out),
        per_device_train_batch_size=processes.share_of(config.batch_size),
        per_device_eval_batch_size=processes.share_of(config.batch_size),
        num_train_epochs=config.epochs,
        max_steps=steps,
        learning_rate=config.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=min(10, steps // 5),
        weight_decay=0.0,
        max_grad_norm=1.0,
        optim="adamw_torch",
        bf16=False,
        fp16=False,
        use_cpu=precision.device == "cpu",
        gradient_checkpointing=False,
        packing=False,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        logging_steps=1,
        prediction_loss_only=True,
        save_strategy="steps",
        save_steps=CHECKPOINT_STEPS,
        save_total_limit=2,
        seed=config.random_seed,
        data_seed=config.random_seed,
        report_to=config.report_to,
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    trainer = SharedPrefixTrainer(
        model=model,
        args=arguments,
        train_dataset=train_rows,
        eval_dataset=rows(splits["validation"]) if splits["validation"] else None,
        data_collator=collate,
        processing_class=tokenizer,
    )
    trainer.remove_callback(PrinterCallback)
    # TRL turns the adapter of a 4-bit model into bfloat16; in 32 bits a resumed run ends where an uninterrupted one
    # does, and a CPU without bfloat16 instructions does not have to emulate them in every layer.
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return trainer


def probe_first_batch(trainer: Any, vocabulary: int) -> None:
    """One forward and backward pass that spends no step: the loss is sane and gradients reach the adapter."""
    import torch

    batch = next(iter(trainer.get_eval_dataloader(trainer.train_dataset)))
    batch = {name: tensor.to(trainer.model.device) for name, tensor in batch.items()}
    trainer.model.train()
    loss = trainer.compute_loss(trainer.model, batch)
    loss.backward()
    gradients = [p.grad for p in trainer.model.parameters() if p.requires_grad and p.grad is not None]
    norm = float(torch.stack([gradient.float().norm() for gradient in gradients]).norm()) if gradients else 0.0
    trainer.model.zero_grad(set_to_none=True)
    check_first_loss(float(loss.detach()), vocabulary, norm)


def progress_callback(advance: Any) -> Any:
    from transformers import TrainerCallback

    class Advance(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            advance(1)

    return Advance()


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end (trainer_state.json is what the Trainer writes last)."""
    found = [path for path in folder.glob("checkpoint-*") if (path / "trainer_state.json").is_file()]
    return max(found, key=lambda path: int(path.name.removeprefix("checkpoint-")), default=None)


def merge(trained: Any, base: Path, folder: Path, grid: WeightGrid) -> None:
    """Write the model as it was trained: NF4 weights read back to 32-bit floats, plus the adapter, on the grid that it
    was trained through; embedding tied."""
    import torch
    from transformers import AutoModelForCausalLM

    merged = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    targets = dict(merged.named_modules())
    with torch.no_grad():
        for name, layer in trained.base_model.model.named_modules():
            if not hasattr(layer, "lora_A"):
                continue
            weight = dequantised(layer.base_layer) + layer.get_delta_weight("default").float()
            targets[name].weight.copy_(round_to_grid(f"{name}.weight", weight.cpu(), grid))
        table = merged.model.embed_tokens.weight
        table.copy_(round_to_grid("embed_tokens.weight", table, grid))
    if merged.lm_head.weight.data_ptr() != merged.model.embed_tokens.weight.data_ptr():
        raise RuntimeError("the merged model's head is no longer tied to its embedding")
    merged.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json", "config.json"):
        shutil.copyfile(base / name, folder / name)
    config = read_json(folder / "config.json")
    write_json(folder / "config.json", {**config, "dtype": "float32"})
