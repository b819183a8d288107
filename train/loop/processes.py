"""Several processes that train one model together: `accelerate launch` starts the same command once for each GPU.

Only training is shared. The first process does everything else, and the others wait for it: for the base before, and
for the word that there is something to train.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from pocketmoji.core.errors import InputError


def count() -> int:
    """How many processes train; torchrun and `accelerate launch` say so in the environment."""
    return int(os.environ.get("WORLD_SIZE") or 1)


@contextmanager
def first_alone() -> Iterator[None]:
    """The first process runs the block, then the others run it."""
    if count() == 1:
        yield
        return
    with _state().main_process_first():
        yield


def tell_others(to_train: bool) -> None:
    """In the first process: whether the others are to train, too."""
    if count() > 1:
        _broadcast(to_train)


def told_to_train() -> bool:
    """In any other process: what the first one told, as soon as it does."""
    return _broadcast(False)


def share_of(batch_size: int) -> int:
    """Rows of a batch for each process. InputError where they cannot be shared evenly."""
    if batch_size % count():
        raise InputError(
            f"a batch of {batch_size} rows cannot be shared by {count()} processes",
            expected=f"a multiple of {count()}",
            remedy="set --batch-size",
        )
    return batch_size // count()


def mean_over_labels(loss: Any, labels: int) -> Any:
    """A mean loss over this process's `labels`, scaled so that the mean of all processes' gradients is the gradient of
    the mean over all their labels: what one process would have computed on the whole batch."""
    if count() == 1:
        return loss
    import torch

    total = torch.tensor(float(labels), device=loss.device)
    torch.distributed.all_reduce(total)
    return loss * (labels * count() / total)


def device() -> Any:
    """The device of this process, a torch.device."""
    return _state().device


@cache
def _state() -> Any:
    import torch
    from accelerate import PartialState

    state = PartialState(cpu=not torch.cuda.is_available())
    # A process that ends with the group's threads still running is aborted, now and then.
    atexit.register(state.destroy_process_group)
    return state


def _broadcast(value: bool) -> bool:
    from accelerate.utils import broadcast_object_list

    _state()
    return bool(broadcast_object_list([value])[0])
