"""Which token ends an answer. It must be one that the base has learned, or the tuned model rambles on.

In the pretrained checkpoint the rows of <end_of_turn> and of the <unused> tokens are the same untrained vector, so
LoRA on the linear layers can never tell them apart; <eos> is a trained row. The -it checkpoint has trained both and
its generation_config.json lists <end_of_turn>.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pocketmoji.core.errors import BaseModelError
from pocketmoji.core.text.prompt import END_OF_TURN
from pocketmoji.core.workspace import read_json

EOS = "<eos>"
UNTRAINED_COSINE = (
    0.9  # measured on the pretrained checkpoint: <end_of_turn> 0.99, <eos> 0.33, ordinary tokens below 0.4
)


@dataclass(frozen=True)
class StopToken:
    """The chosen token and why; `cosine` is its row's highest cosine with an <unused> row (1 means untrained)."""

    token: str
    cosine: float
    reason: str


def choose_stop_token(base: Path) -> StopToken:
    """<end_of_turn> if the base stops at it and has trained it, else <eos>. `base` is the unpruned folder."""
    import torch
    from safetensors import safe_open

    vocabulary: dict[str, int] = read_json(base / "tokenizer.json")["model"]["vocab"]
    with safe_open(str(base / "model.safetensors"), "pt") as tensors:
        table = tensors.get_tensor("model.embed_tokens.weight")
    unused = [vocabulary[f"<unused{i}>"] for i in range(50, 90) if f"<unused{i}>" in vocabulary]

    def cosine(token: str) -> float:
        if not unused or token not in vocabulary:
            return 0.0
        row = table[vocabulary[token]].float()
        return float(torch.nn.functional.cosine_similarity(table[unused].float(), row[None]).max())

    generation = base / "generation_config.json"
    listed = read_json(generation).get("eos_token_id", []) if generation.is_file() else []
    stops = set(listed if isinstance(listed, list) else [listed])
    likeness = cosine(END_OF_TURN)
    if vocabulary.get(END_OF_TURN) in stops and likeness < UNTRAINED_COSINE:
        return StopToken(END_OF_TURN, likeness, "the base's generation_config lists it and its embedding is trained")
    if EOS not in vocabulary:
        raise BaseModelError(f"the base has neither a trained {END_OF_TURN} nor {EOS}", where=base / "tokenizer.json")
    why = (
        f"the row of {END_OF_TURN} is untrained (cosine {likeness:.2f} with <unused> rows)"
        if likeness >= UNTRAINED_COSINE
        else f"the base does not stop at {END_OF_TURN}"
    )
    return StopToken(EOS, cosine(EOS), why)
