"""The adapter of the epoch that answers the validation texts best.

Loss goes on falling on answers that are right already; what counts is whether the whole answer is right. So every
epoch's model answers the validation texts as a user would have it do, and the best one's adapter is kept. Of equals the
later one is the better trained.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pocketmoji.core.console import say
from pocketmoji.core.records import Example
from pocketmoji.core.workspace import read_json, write_json
from pocketmoji.evaluate.metrics import exact_match
from pocketmoji.evaluate.runtimes.answer_length import answer_tokens
from pocketmoji.evaluate.runtimes.tokens import load_tokenizer
from pocketmoji.evaluate.runtimes.torch_runtime import TorchRuntime

BATCH = 64
WEIGHTS, ABOUT = "adapter_model.safetensors", "best.json"


def keep_best(folder: Path, base: Path, validation: Sequence[Example], stop_id: int, steps_per_epoch: int) -> Any:
    """A callback for transformers' Trainer that logs each epoch's loss and recall (`eval_loss`, `eval_recall`) on the
    validation rows and writes the best epoch's adapter below `folder`.

    It measures before the Trainer writes the checkpoint of the same step, so that no epoch goes unmeasured in a
    training that is killed and goes on.
    """
    from transformers import TrainerCallback

    class KeepBest(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step % steps_per_epoch == 0 or state.global_step == state.max_steps:
                control.should_evaluate = True

        def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if not state.is_world_process_zero:
                return
            model = kwargs["model"]
            step, recall = state.global_step, validation_recall(model, base, validation, stop_id)
            state.log_history.append({"step": step, "eval_recall": recall})
            say(f"train: after step {step} {recall:.1%} of {len(validation)} validation texts are answered right")
            best = _best(folder)
            if best is None or recall >= best["recall"]:
                model.save_pretrained(_adapter(folder, step))
                write_json(folder / ABOUT, {"step": step, "recall": recall})
                for path in folder.glob("step-*"):
                    if path != _adapter(folder, step):
                        shutil.rmtree(path)

    return KeepBest()


def validation_recall(model: Any, base: Path, validation: Sequence[Example], stop_id: int) -> float:
    """Share of the validation texts that the model, as it is being trained, answers exactly."""
    tokenizer = load_tokenizer(base)
    limit = max(answer_tokens([row.emoji for row in validation], tokenizer).values())
    runtime = TorchRuntime(base, [stop_id], limit, BATCH, model=model, tokenizer=tokenizer)
    answers = runtime.predict([row.text for row in validation])
    right = [exact_match(answer, row.emoji) for answer, row in zip(answers, validation, strict=True)]
    return sum(right) / len(right)


def restore_best(model: Any, folder: Path, last_step: int) -> dict[str, Any] | None:
    """Put the best epoch's adapter into `model` unless it is there already; what best.json says of it."""
    best = _best(folder)
    if best and best["step"] != last_step:
        say(f"train: the epoch that ended with step {best['step']} answered best ({best['recall']:.1%}) and is kept")
        load_adapter(model, _adapter(folder, best["step"]))
    return best


def load_adapter(model: Any, folder: Path) -> None:
    """Put the adapter that `folder` holds into `model`."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    set_peft_model_state_dict(model, load_file(folder / WEIGHTS))


def _adapter(folder: Path, step: int) -> Path:
    """Of its own name: until best.json names it, one that is half written is nobody's best."""
    return folder / f"step-{step}"


def _best(folder: Path) -> dict[str, Any] | None:
    if not (folder / ABOUT).is_file():
        return None
    found: dict[str, Any] = read_json(folder / ABOUT)
    return found
