"""An epoch is measured by the mean of its later weights, the training goes on from where it was, and the last mean is
what is left, also after an interruption."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pocketmoji.train.loop.average import mean_weights

LAST = 12


class Training:
    """What transformers' Trainer does with a callback, over a model whose one trained weight is the step's square."""

    def __init__(self, folder: Path, measured: bool, step: int = 0) -> None:
        self.model = torch.nn.Linear(1, 1)
        self.model.bias.requires_grad_(False)
        self.folder, self.measured = folder, measured
        self.callback = mean_weights(folder, 8, measured)
        self.measures: list[float] = []
        self.said("train_begin", step)

    def said(self, event: str, step: int) -> None:
        state = SimpleNamespace(global_step=step, max_steps=LAST, is_world_process_zero=True)
        getattr(self.callback, f"on_{event}")(SimpleNamespace(save_steps=2), state, None, model=self.model)

    @property
    def weight(self) -> float:
        return self.model.weight.item()

    def step(self, step: int) -> None:
        with torch.no_grad():
            self.model.weight.fill_(float(step**2))
        self.said("step_end", step)
        if self.measured and step in (8, LAST):
            self.measures.append(self.weight)
            self.said("evaluate", step)
        if step < LAST:  # what a checkpoint holds, and the next step begins with
            assert self.weight == step**2


@pytest.mark.parametrize("measured", [True, False])
@pytest.mark.parametrize("killed_after", [None, 5, 6, 8, 11])
def test_the_mean_of_an_epochs_later_steps(tmp_path: Path, measured: bool, killed_after: int | None) -> None:
    training = Training(tmp_path / "mean", measured)
    for step in range(1, (killed_after or LAST) + 1):
        training.step(step)
    if killed_after:
        checkpoint = killed_after // 2 * 2
        training = Training(tmp_path / "mean", measured, checkpoint)
        for step in range(checkpoint + 1, LAST + 1):
            training.step(step)
    last = (100 + 121 + 144) / 3  # of the half epoch that begins with step 9
    assert training.weight == pytest.approx(last)
    whole = (16 + 25 + 36 + 49 + 64) / 5
    if measured:
        assert training.measures[-1] == pytest.approx(last)
        assert training.measures[:-1] == ([pytest.approx(whole)] if killed_after not in (8, 11) else [])
    assert len(list((tmp_path / "mean").glob("*"))) <= 2


def test_killed_twice_before_the_checkpoint_of_the_step(tmp_path: Path) -> None:
    """The mean of step 6 is written, the Trainer's checkpoint of it is not: both times step 4 is gone on from."""
    for begin in (0, 4, 4):
        training = Training(tmp_path, False, begin)
        for step in range(begin + 1, 7):
            training.step(step)
    training = Training(tmp_path, True, 4)
    for step in range(5, LAST + 1):
        training.step(step)
    assert training.measures[0] == pytest.approx((16 + 25 + 36 + 49 + 64) / 5)


def test_what_is_not_trained_is_left_alone(tmp_path: Path) -> None:
    training = Training(tmp_path, measured=False)
    before: Any = training.model.bias.clone()
    for step in range(1, LAST + 1):
        training.step(step)
    assert training.model.bias.equal(before)
