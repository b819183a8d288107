"""Claim: a training step with the shared prefix takes at most 0.7 of the time of one with padded rows.

Both sides are the same model (NF4 values, LoRA on every linear layer, float32), batch and loss, head at the labels
alone; they differ in how the batch is laid out. One line of JSON at the end; exits 0 whether it holds or not.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from pocketmoji.core.config import DatagenConfig, TrainConfig
from pocketmoji.core.console import say
from pocketmoji.core.grid import PRECISIONS
from pocketmoji.core.records import Example, read_jsonl
from pocketmoji.datagen.generate import generate
from pocketmoji.train.base.stop_token import choose_stop_token
from pocketmoji.train.base.vocabulary import prune_base
from pocketmoji.train.base.weights import resolve_base
from pocketmoji.train.loop.encoding import encode
from pocketmoji.train.loop.nf4 import load_nf4
from pocketmoji.train.loop.precision import choose_precision
from pocketmoji.train.loop.shared_prefix import IGNORED, collate, feature, label_loss

BAR, ROUNDS, BATCH = 0.7, 5, 16


def padded_loss(model: Any, features: list[dict[str, list[int]]]) -> Any:
    import torch

    length = max(len(row["input_ids"]) for row in features)

    def fill(rows: list[list[int]], value: int) -> Any:
        return torch.tensor([row + [value] * (length - len(row)) for row in rows])

    ids = fill([row["input_ids"] for row in features], 0)
    mask = fill([[1] * len(row["input_ids"]) for row in features], 0)
    labels = fill([row["labels"][1:] for row in features], IGNORED)
    inner = model.get_base_model()
    hidden = inner.model(input_ids=ids, attention_mask=mask).last_hidden_state
    wanted = labels != IGNORED
    return torch.nn.functional.cross_entropy(inner.lm_head(hidden[wanted]), labels[wanted])


def main() -> None:
    from transformers import AutoTokenizer

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        generate(Path("seeds/personal.csv"), DatagenConfig(teacher="offline"), folder / "dataset")
        rows = read_jsonl(folder / "dataset/train.jsonl", Example)[: BATCH * ROUNDS]
        base = resolve_base("package")
        stop = choose_stop_token(base.folder)
        texts, answers = [row.text for row in rows], [row.emoji for row in rows]
        options: dict[str, Any] = {"size": 32_768, "languages": "en", "stop_token": stop.token, "say": say}
        prune_base(base.folder, base.name, folder / "base", texts=texts, answers=answers, unseen=texts, **options)
        tokenizer: Any = AutoTokenizer.from_pretrained(folder / "base")
        stop_id = int(tokenizer.convert_tokens_to_ids(stop.token))
        encoded = [encode(tokenizer, row, stop_id, 256) for row in rows]
        model = load_nf4(folder / "base", choose_precision(), TrainConfig(), PRECISIONS["fp32"])
        model.train()
        window = model.config.sliding_window
        times: dict[str, list[float]] = {"shared": [], "padded": []}
        losses: dict[str, list[float]] = {"shared": [], "padded": []}
        for start in range(0, len(encoded), BATCH):
            features = [feature(row) for row in encoded[start : start + BATCH]]
            for side in ("shared", "padded"):
                started = time.perf_counter()
                loss = (
                    label_loss(model, collate(features), window) if side == "shared" else padded_loss(model, features)
                )
                loss.backward()
                times[side].append(time.perf_counter() - started)
                losses[side].append(float(loss.detach()))
                model.zero_grad(set_to_none=True)
    ratios = [shared / padded for shared, padded in zip(times["shared"], times["padded"], strict=True)]
    apart = max(abs(a - b) for a, b in zip(losses["shared"], losses["padded"], strict=True))
    value = statistics.median(ratios)
    result = {
        "claim": "a step with the shared prefix takes at most 0.7 of one with padded rows",
        "value": round(value, 3),
        "bar": BAR,
        "holds": value <= BAR,
        "seconds_shared": round(statistics.median(times["shared"]), 2),
        "seconds_padded": round(statistics.median(times["padded"]), 2),
        "largest_difference_of_loss": apart,
        "rounds": len(ratios),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
