"""A tiny model that has learned a few answers by heart, as a web folder in 8 bits with its evaluation folder."""

from __future__ import annotations

from pathlib import Path

from pocketmoji.core.records import EvaluationText, Prediction, write_jsonl
from pocketmoji.core.text.prompt import render
from pocketmoji.core.workspace import write_json
from tests.tiny import make_tiny_model, teach

STOP, NEW_TOKENS = 1, 8
ANSWERS = {
    "what a fun party": "🎉🥳",
    "my cat is sleeping on me": "😴🐈",
    "we shipped it on friday": "🚀",
    "happy birthday to you": "🎂🎉",
    "baking chocolate chip cookies": "🍪🍫",
    "the coffee is cold": "☕",
    "let us have pizza": "🍕✨",
    "it is cold and I sleep": "😴💤",
}


def taught_folders(folder: Path) -> tuple[Path, Path]:
    """(web, evaluation) in `folder`: the taught model in 8 bits, and what it answers in torch."""
    from pocketmoji.evaluate.runtimes.torch_runtime import TorchRuntime
    from pocketmoji.export.onnx.folder import export_onnx, onnx_file

    model = make_tiny_model(folder / "model")
    write_json(model / "generation_config.json", {"eos_token_id": [STOP], "bos_token_id": 2, "pad_token_id": 0})
    teach(model, {render(text): emoji for text, emoji in ANSWERS.items()}, STOP)
    web, evaluation = folder / "web", folder / "evaluation"
    export_onnx(model, web, ["q8"])
    name = onnx_file(web, "q8").relative_to(web).as_posix()
    card = {
        "name": "onnx_q8",
        "dtype": "q8",
        "onnx_file": name,
        "task_file": None,
        "stop_token_ids": [STOP],
        "max_new_tokens": NEW_TOKENS,
        "bytes": {name: (web / name).stat().st_size},
    }
    texts = [
        EvaluationText(text=text, emoji=emoji, seed_id=str(i), group="seed")
        for i, (text, emoji) in enumerate(ANSWERS.items())
    ]
    evaluation.mkdir()
    write_jsonl(evaluation / "texts.jsonl", texts)
    predictions: list[Prediction] = TorchRuntime(model, [STOP], NEW_TOKENS, 8).predict(list(ANSWERS))
    write_json(web / "pocketmoji.json", card | {"probe": {"text": texts[0].text, "tokens": predictions[0].tokens}})
    write_jsonl(evaluation / "tuned.predictions.jsonl", predictions)
    return web, evaluation
