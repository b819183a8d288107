"""TRL's trainer as every training here uses it: settings, the loss over a shared prefix, a check of the first batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pocketmoji.core.config import TrainConfig
from pocketmoji.core.workspace import give_memory_back
from pocketmoji.train.loop import processes
from pocketmoji.train.loop.encoding import Encoded
from pocketmoji.train.loop.precision import Precision
from pocketmoji.train.loop.preflight import check_first_loss
from pocketmoji.train.loop.shared_prefix import IGNORED, collate, feature, label_loss

CHECKPOINT_STEPS = 20


def steps_per_epoch(examples: int, config: TrainConfig) -> int:
    return -(-examples // config.batch_size)


def planned_steps(examples: int, config: TrainConfig) -> int:
    return config.max_steps or max(1, round(steps_per_epoch(examples, config) * config.epochs))


def make_trainer(
    model: Any,
    tokenizer: Any,
    splits: dict[str, list[Encoded]],
    precision: Precision,
    config: TrainConfig,
    out: Path,
    in_order: bool = False,
    margin: Any = None,
    steady: bool = False,
) -> Any:
    """TRL's trainer over rows that are tokenised already, with the loss of train/loop/shared_prefix.py; `in_order`: not
    shuffled; `margin`: what everyday language has to win by in training (emoji_margin.py); `steady`: the learning rate
    does not fall."""
    from datasets import Dataset
    from torch.utils.data import SequentialSampler
    from transformers import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    window = model.config.sliding_window

    class SharedPrefixTrainer(SFTTrainer):
        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            loss = label_loss(model, inputs, window, margin if model.training else None)
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
        lr_scheduler_type="constant_with_warmup" if steady else "linear",
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
    trainer.add_callback(_memory_callback())
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


def _memory_callback() -> Any:
    """No two batches are of one size, so that what a step frees seldom fits the next one's tensors: left alone, a
    training grows by gigabytes."""
    from transformers import TrainerCallback

    class GiveBack(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step % CHECKPOINT_STEPS == 0:
                give_memory_back()

    return GiveBack()
