"""Training on a tiny random Gemma 3: it learns, resumes to the same result, and saves what was trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.core.config import TrainConfig
from pocketmoji.core.errors import InputError, PreflightError
from pocketmoji.core.records import Example, read_jsonl, write_jsonl
from pocketmoji.core.text.memory import read_memory
from pocketmoji.core.workspace import read_json
from pocketmoji.train import qlora
from pocketmoji.train.base.stop_token import StopToken

STOP = StopToken("<eos>", 0.0, "the tiny model's end token")
ONCE = {"seed_repeats": 1, "paraphrase_repeats": 1}
CONFIG = TrainConfig(max_steps=6, batch_size=4, learning_rate=1e-2, quantise="fp32", lora_rank=16, **ONCE)


@pytest.fixture(scope="module")
def trained(base: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("model")
    return folder, qlora.train(dataset, base, "a tiny base", STOP, CONFIG, folder)


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def test_loss_falls_and_the_folder_is_complete(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, report = trained
    losses = [row["loss"] for row in report["loss"] if "loss" in row]
    assert len(losses) == 6 and losses[-1] < losses[0]
    assert {"precision", "precision_reason", "stop_token", "vocabulary"} <= report.keys()
    assert "Gemma Terms of Use" in (folder / "NOTICE").read_text()
    assert (folder / "loss.svg").read_text().startswith("<svg")
    assert (folder / "adapter/adapter_model.safetensors").is_file()
    assert not (folder / ".checkpoints").exists()


def test_embedding_stays_tied_and_untouched(trained: tuple[Path, dict[str, Any]], base: Path) -> None:
    from transformers import AutoModelForCausalLM

    folder, _ = trained
    saved = weights(folder)
    assert "lm_head.weight" not in saved
    assert saved["model.embed_tokens.weight"].equal(weights(base)["model.embed_tokens.weight"].float())
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()


def test_saved_model_answers_as_the_trained_one(trained: tuple[Path, dict[str, Any]], base: Path) -> None:
    """NF4 values and adapter are merged: the saved weights are what the training's forward pass multiplied by."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    folder, _ = trained
    quantization = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
    )
    nf4: Any = AutoModelForCausalLM.from_pretrained(base, quantization_config=quantization, dtype=torch.float32)
    # In training's mode: outside of it bitsandbytes computes in bfloat16 where a CPU has instructions for that.
    adapted: Any = PeftModel.from_pretrained(nf4, folder / "adapter").train()
    merged: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokens = torch.tensor([[2, 20, 30, 40, 50]])
    with torch.no_grad():
        assert torch.allclose(adapted(tokens).logits, merged(tokens).logits, atol=1e-3)


def test_what_was_trained_through_the_grid_is_what_the_artefact_holds(
    base: Path, dataset: Path, tmp_path: Path
) -> None:
    """Rounding the merged weights to the artefact's grid changes no level and no value beyond a float's last bits."""
    import numpy as np

    from pocketmoji.core.grid import PRECISIONS, quantise

    folder = tmp_path / "model"
    report = qlora.train(dataset, base, "a tiny base", STOP, CONFIG.model_copy(update={"quantise": "q4"}), folder)
    losses = [row["loss"] for row in report["loss"] if "loss" in row]
    assert report["quantise"] == "q4" and losses[-1] < losses[0]
    grid = PRECISIONS["q4"]
    assert grid.layers and grid.table
    changed = 0
    for name, tensor in weights(folder).items():
        if tensor.ndim != 2:
            continue
        weight = tensor.numpy()
        one = (grid.table if "embed_tokens" in name else grid.layers).fit(weight.shape[1])
        assert np.allclose(quantise(weight, one).values, weight, rtol=1e-5, atol=1e-7), name
        changed += not np.allclose(weight, weights(base)[name].float().numpy(), atol=1e-4)
    assert changed > 20
    rows = read_json(folder / "calibration.json")
    assert rows and all(row[0] == 2 for row in rows)
    memory = read_memory(folder)  # the list itself: not its typed forms, nor everyday language
    assert memory and memory.rows == [(row.text, row.emoji) for row in read_jsonl(dataset / "train.jsonl", Example)]


def test_an_interrupted_training_ends_the_same(
    trained: tuple[Path, dict[str, Any]], base: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import TrainerCallback

    class Interrupt(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step == 5:
                raise KeyboardInterrupt

    monkeypatch.setattr("pocketmoji.train.loop.trainer.CHECKPOINT_STEPS", 2)
    with monkeypatch.context() as once:
        once.setattr(qlora, "progress_callback", lambda advance: Interrupt())
        with pytest.raises(KeyboardInterrupt):
            qlora.train(dataset, base, "a tiny base", STOP, CONFIG, tmp_path)
    left = qlora.last_checkpoint(tmp_path / ".checkpoints")
    assert left is not None and left.name == "checkpoint-4"
    report = qlora.train(dataset, base, "a tiny base", STOP, CONFIG, tmp_path)
    # The epoch that ended with the checkpoint's step was measured before the checkpoint was written.
    for measured in ("loss", "validation_recall", "kept_step"):
        assert report[measured] == trained[1][measured]
    expected, found = weights(trained[0]), weights(tmp_path)
    assert all(expected[name].equal(found[name]) for name in expected)


def test_a_training_that_lacks_only_its_merge_takes_no_further_step(
    trained: tuple[Path, dict[str, Any]], base: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: Any) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as once:
        once.setattr(qlora, "merge", full)
        with pytest.raises(OSError, match="No space"):
            qlora.train(dataset, base, "a tiny base", STOP, CONFIG, tmp_path)
    report = qlora.train(dataset, base, "a tiny base", STOP, CONFIG, tmp_path)
    for measured in ("loss", "validation_recall", "kept_step"):
        assert report[measured] == trained[1][measured]
    expected, found = weights(trained[0]), weights(tmp_path)
    assert all(expected[name].equal(found[name]) for name in expected)


def test_a_text_longer_than_the_context(base: Path, tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    long = Example(text="a very long text " * 20, emoji="🎉", seed_id="long", origin="seed")
    write_jsonl(dataset / "train.jsonl", [long])
    write_jsonl(dataset / "validation.jsonl", [])
    with pytest.raises(InputError, match="at most 32 tokens"):
        qlora.train(dataset, base, "a tiny base", STOP, TrainConfig(max_tokens=32), tmp_path / "model")


def test_another_chat_template_is_refused(base: Path, dataset: Path, tmp_path: Path) -> None:
    other = tmp_path / "base"
    shutil.copytree(base, other)
    config = read_json(other / "tokenizer_config.json")
    config["chat_template"] = "{{ bos_token }}User: {{ messages[-1]['content'] }}\nAnswer:"
    (other / "chat_template.jinja").unlink(missing_ok=True)
    (other / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(PreflightError, match="chat template renders"):
        qlora.train(dataset, other, "a tiny base", STOP, CONFIG, tmp_path / "model")


def test_an_untrained_stop_token_is_refused(base: Path, dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match="untrained"):
        qlora.train(dataset, base, "a tiny base", StopToken("<end_of_turn>", 0.99, "test"), CONFIG, tmp_path)


def test_corrupt_weights_are_found_before_the_first_step(base: Path, dataset: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    other = tmp_path / "base"
    shutil.copytree(base, other)
    broken = weights(other)
    broken["model.norm.weight"][0] = float("nan")
    save_file(broken, other / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(PreflightError, match="loss is nan"):
        qlora.train(dataset, other, "a tiny base", STOP, CONFIG, tmp_path / "model")
