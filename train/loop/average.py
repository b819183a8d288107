"""The mean of an epoch's later weights: what a training is measured by, and what it leaves.

The learning rate stays where it is, so that the weights go on moving about what they look for, and their mean over the
later part of an epoch lies nearer to it than any of them. Source: Izmailov et al., Averaging Weights Leads to Wider
Optima and Better Generalization (2018); Hägele et al., Scaling Laws and Compute-Optimal Training Beyond Fixed Training
Durations (2024). docs/train.md has what it brought here.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

AVERAGED = 0.6


def mean_weights(folder: Path, steps_per_epoch: int, measured: bool) -> Any:
    """A callback for transformers' Trainer that leaves in the model the mean of the trained weights over the last
    `AVERAGED` of the last epoch's steps; if each epoch's end is `measured`, so that the epoch's own mean is.

    To be added after what measures: its `on_evaluate` puts back the weights that the training goes on with. The mean
    so far is written below `folder` before the Trainer writes the checkpoint of the same step, so that a training that
    is killed goes on to the same bytes.
    """
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import TrainerCallback

    class MeanWeights(TrainerCallback):
        def __init__(self) -> None:
            self.mean, self.live = list[Any](), list[Any]()

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if _file(folder, state.global_step).is_file():
                kept = load_file(_file(folder, state.global_step))
                self.mean = [kept[str(n)].to(weight) for n, weight in enumerate(_trained(kwargs["model"]))]

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            step, trained = state.global_step, _trained(kwargs["model"])
            begin = (step - 1) // steps_per_epoch * steps_per_epoch
            end = min(begin + steps_per_epoch, state.max_steps)
            count = step - math.floor(end - (end - begin) * AVERAGED)
            if count < 1:
                return
            if not self.mean:
                self.mean = _copied(trained)
            torch._foreach_lerp_(self.mean, trained, 1 / count)
            if step < end:
                if step % args.save_steps == 0 and state.is_world_process_zero:
                    self.write(step)
                return
            if measured and step < state.max_steps:
                self.live = _copied(trained)
            if measured or step == state.max_steps:
                _set(trained, self.mean)
            self.mean = []

        def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if self.live:
                _set(_trained(kwargs["model"]), self.live)
            self.live = []

        def write(self, step: int) -> None:
            folder.mkdir(parents=True, exist_ok=True)
            save_file({str(n): weight.contiguous() for n, weight in enumerate(self.mean)}, _file(folder, step))
            # The one before stays: the checkpoint of this step is not written yet.
            earlier = sorted(n for n in map(_step, folder.glob("step-*")) if n < step)
            for old in earlier[:-1]:
                _file(folder, old).unlink()

    return MeanWeights()


def _file(folder: Path, step: int) -> Path:
    return folder / f"step-{step}.safetensors"


def _step(file: Path) -> int:
    return int(file.stem.removeprefix("step-"))


def _trained(model: Any) -> list[Any]:
    return [parameter.data for parameter in model.parameters() if parameter.requires_grad]


def _copied(weights: list[Any]) -> list[Any]:
    return [weight.clone() for weight in weights]


def _set(weights: list[Any], values: list[Any]) -> None:
    for weight, value in zip(weights, values, strict=True):
        weight.copy_(value)
