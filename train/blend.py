"""The model that ships lies between the prepared base and the tuned one: most of the list, less of it forgotten.

Tuning on a list takes some of the everyday language that the base was prepared with. Weights on the line between both
keep more of the one than they lose of the other (WiSE-FT: Wortsman et al. 2022, "Robust fine-tuning of zero-shot
models", arXiv:2109.01903); what share was measured best stands in docs/train.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pocketmoji.train.loop.best_epoch import WEIGHTS


def blend(model: Any, start: Path, share: float) -> None:
    """Set the adapter of a peft model `share` of the way from the one in the folder `start` to where it is now.

    The line is drawn between the adapter's two factors, not between their products.
    """
    import torch
    from peft import get_peft_model_state_dict, set_peft_model_state_dict
    from safetensors.torch import load_file

    tuned = get_peft_model_state_dict(model)
    before = {name: weight.to(tuned[name]) for name, weight in load_file(start / WEIGHTS).items()}
    set_peft_model_state_dict(model, {name: torch.lerp(before[name], tuned[name], share) for name in tuned})
