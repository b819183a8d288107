"""The epoch that answers the validation texts best is what is merged, also after an interruption."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.cli import main
from pocketmoji.core.config import TrainConfig
from pocketmoji.core.records import Example
from pocketmoji.core.workspace import read_json
from pocketmoji.train import qlora
from pocketmoji.train.loop import best_epoch
from pocketmoji.train.rows import repeated
from tests.train.test_qlora import CONFIG, STOP, weights


def test_an_epoch_that_answered_better_is_kept(
    base: Path,
    dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Eight rows in batches of 4: an epoch ends with every second step. The second is said to be the best."""
    said = iter([0.5, 1.0, 0.0])
    adapters: list[dict[str, Any]] = []

    def recall(model: Any, *_: Any) -> float:
        adapters.append({name: tensor.clone() for name, tensor in model.state_dict().items() if "lora_" in name})
        return next(said)

    monkeypatch.setattr(best_epoch, "validation_recall", recall)
    report = qlora.train(dataset, base, "a tiny base", STOP, CONFIG, tmp_path / "model")
    assert report["validation_recall"] == [
        {"step": 2, "recall": 0.5},
        {"step": 4, "recall": 1.0},
        {"step": 6, "recall": 0.0},
    ]
    assert report["kept_step"] == 4
    # A training of its own that ended there would not be the same: batches are drawn for all steps at once.
    monkeypatch.setattr(best_epoch, "validation_recall", lambda *_: 0.0)
    last = qlora.train(dataset, base, "a tiny base", STOP, CONFIG, tmp_path / "last")
    assert last["kept_step"] == 6
    name = "model.layers.0.self_attn.q_proj"
    before = weights(base)[f"{name}.weight"].float()
    kept, final = (weights(tmp_path / folder)[f"{name}.weight"] for folder in ("model", "last"))

    def product(adapter: dict[str, Any]) -> Any:
        key = f"base_model.model.{name}"
        return adapter[f"{key}.lora_B.default.weight"] @ adapter[f"{key}.lora_A.default.weight"]

    scale = 2.0  # lora_alpha is twice the rank
    change = scale * (product(adapters[2]) - product(adapters[1]))
    assert change.abs().max() > 1e-5
    assert (final - kept).allclose(change, atol=1e-6) and not kept.equal(before)


def test_recall_is_measured_on_the_model_in_training(
    base: Path,
    dataset: Path,
    tmp_path: Path,
) -> None:
    """Trained for long enough, the tiny model knows its validation text, which it is trained on."""
    config = CONFIG.model_copy(update={"max_steps": 60, "learning_rate": 2e-2})
    report = qlora.train(dataset, base, "a tiny base", STOP, config, tmp_path)
    recalls = [row["recall"] for row in report["validation_recall"]]
    assert recalls[0] == 0.0 and set(recalls) <= {0.0, 1.0} and len(recalls) == 30
    assert report["kept_step"] == max(2 * (i + 1) for i, recall in enumerate(recalls) if recall == max(recalls))


def test_what_is_of_the_list_may_be_repeated_a_paraphrase_as_others_type_it() -> None:
    origins = {"a b": "seed", "b c": "offline:typo", "A B": "typed:capitals", "ab b": "typed:slip"}
    rows = [Example(text=text, emoji="🎉", seed_id="s", origin=origin) for text, origin in origins.items()]
    config = TrainConfig(seed_repeats=3, paraphrase_repeats=9)
    said = [row.text for row in repeated(rows, config)]
    assert said[:4] == ["a b", "a b", "a b", "b c"] and said[12:] == ["A B", "ab b"]
    assert any(text.startswith("B") for text in said[4:12]) and {"b", "c"} <= set(" ".join(said[4:12]).lower().split())
    assert said == [row.text for row in repeated(rows, config)]


def test_long_lists_are_memorised_unless_said_otherwise() -> None:
    given = TrainConfig(epochs=1.0, lora_rank=8)
    assert given.for_list(100) == TrainConfig(preset="none", epochs=1.0, lora_rank=8)
    assert given.for_list(1881) == TrainConfig(preset="memorise", epochs=1.0, lora_rank=8)
    for preset in ("none", "generalise"):
        assert TrainConfig(preset=preset).for_list(1881) == TrainConfig(preset=preset)


def test_train_says_that_a_list_is_long(
    base: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = shutil.copytree(dataset, tmp_path / "dataset")
    for split in ("heldout_paraphrases", "heldout_seeds"):
        (dataset / f"{split}.jsonl").touch()
    command = ["train", str(dataset), "--base", str(base), "--keep-vocabulary", "--max-steps=1", "--batch-size=4"]
    command.append("--no-everyday")
    for limit, preset, repeats in ((9, "none", TrainConfig().seed_repeats), (8, "memorise", 4)):
        monkeypatch.setattr("pocketmoji.core.config.LONG_LIST", limit)
        assert main([*command, "--out", str(tmp_path / preset)]) == 0
        assert ("8 phrases are a long list" in capsys.readouterr().err) == (preset == "memorise")
        settings = read_json(tmp_path / preset / "manifest.json")["config"]
        assert (settings["preset"], settings["seed_repeats"]) == (preset, repeats)


def test_a_preset_gives_way_to_what_is_said() -> None:
    assert TrainConfig(preset="memorise").seed_repeats > 1
    config = TrainConfig(preset="memorise", epochs=1.0)
    assert config.epochs == 1.0 and config.seed_repeats == TrainConfig(preset="memorise").seed_repeats
    with pytest.raises(ValueError, match="memorise"):
        TrainConfig(preset="remember")


def test_a_long_answer_is_heard_to_its_end(tiny_model: Path, tmp_path: Path) -> None:
    """It takes more tokens than answers commonly have: judged before its end it could never be right."""
    from transformers import AutoModelForCausalLM

    from pocketmoji.core.text.prompt import render
    from pocketmoji.train.loop.best_epoch import validation_recall
    from tests.tiny import teach

    row = Example(text="what a fun party", emoji="👨‍👩‍👧‍👦🚗👨‍👩‍👧‍👦🏕️", seed_id="s", origin="seed")
    model = shutil.copytree(tiny_model, tmp_path / "model")
    teach(model, {render(row.text): row.emoji}, stop=1)
    assert validation_recall(AutoModelForCausalLM.from_pretrained(model), model, [row], stop_id=1) == 1.0
