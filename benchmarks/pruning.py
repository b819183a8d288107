"""Claim: the default vocabulary loses no recall against twice its size.

For each size: real Gemma 3 270M pruned to it, tuned on seeds/personal.csv with the defaults of `pocketmoji train`,
scored on the same texts; and the share of unseen texts (--more FILE) that tokenise as with the full vocabulary. Kept in
--work, so an interrupted benchmark goes on. One line of JSON at the end.

    python -m benchmarks.pruning --more list.csv --work DIR [--sizes 16384 32768 65536]
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pocketmoji.core.config import DatagenConfig, EvaluateConfig, TrainConfig
from pocketmoji.core.console import say
from pocketmoji.core.runtime import stop_token_ids
from pocketmoji.core.text.prompt import render
from pocketmoji.core.workspace import read_json, write_json
from pocketmoji.datagen.stage import make_dataset
from pocketmoji.evaluate.runtimes.torch_runtime import TorchRuntime
from pocketmoji.evaluate.scoring.answering import evaluate_runtime
from pocketmoji.evaluate.scoring.texts import evaluation_texts
from pocketmoji.export.onnx.folder import export_onnx, onnx_file
from pocketmoji.train.base.weights import resolve_base
from pocketmoji.train.stage import make_base, tune

BAR = 0.02  # of recall


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--more", type=Path, required=True, help="CSV with a column text that the pruning does not see")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[16_384, 32_768, 65_536])
    options = parser.parse_args(arguments)
    work: Path = options.work
    make_dataset(Path("seeds/personal.csv"), DatagenConfig(teacher="offline"), work / "dataset")
    unseen = [row["text"] for row in csv.DictReader(options.more.open(encoding="utf-8"))]
    results = {size: measured(work, size, unseen) for size in options.sizes}
    for size, found in results.items():
        say(f"{size:7}: " + ", ".join(f"{key} {value}" for key, value in found.items()))
    largest, default = results[max(results)], results[TrainConfig().vocabulary_size]
    value = largest["paraphrase_recall"] - default["paraphrase_recall"]
    print(
        json.dumps(
            {
                "claim": f"{TrainConfig().vocabulary_size} tokens lose at most 2 points of recall to {max(results)}",
                "value": round(value, 4),
                "bar": BAR,
                "holds": value <= BAR,
                "results": results,
            }
        )
    )


def measured(work: Path, size: int, unseen: list[str]) -> dict[str, Any]:
    folder = work / str(size)
    if (folder / "result.json").is_file():
        found: dict[str, Any] = read_json(folder / "result.json")
        return found
    config = TrainConfig(vocabulary_size=size)
    make_base(work / "dataset", config, folder / "base")
    tune(work / "dataset", folder / "base", config, folder / "model")
    export_onnx(folder / "model", folder / "web", ["q4"])
    texts = evaluation_texts(work / "dataset", EvaluateConfig())
    runtime = TorchRuntime(folder / "model", stop_token_ids(folder / "model"), 16, 32)
    scores = evaluate_runtime(runtime, texts, folder, "tuned")
    result: dict[str, Any] = {
        "texts_unchanged": round(unchanged(resolve_base(config.base).folder, folder / "base", unseen), 4),
        "q4_bytes": onnx_file(folder / "web", "q4").stat().st_size,
        "tokenizer_bytes": (folder / "base" / "tokenizer.json").stat().st_size,
        "train_seconds": read_json(folder / "model" / "training.json")["seconds"],
    }
    for metric in ("compliance", "seed_recall", "paraphrase_recall"):
        result[metric] = round(getattr(scores, metric).value, 4)
    write_json(folder / "result.json", result)
    return result


def unchanged(full: Path, pruned: Path, texts: Sequence[str]) -> float:
    """Share of prompts that both tokenizers split into the same tokens."""
    from tokenizers import Tokenizer

    before, after = (Tokenizer.from_file(str(folder / "tokenizer.json")) for folder in (full, pruned))
    same = 0
    for text in texts:
        prompt = render(text)
        splits = [one.encode(prompt, add_special_tokens=False).tokens for one in (before, after)]
        same += splits[0] == splits[1]
    return same / len(texts)


if __name__ == "__main__":
    main()
