"""Preparing: everyday language is learnt once, kept by content, and a list's training goes on from it."""

from __future__ import annotations

import gc
import shutil
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.core.config import TrainConfig
from pocketmoji.core.records import EVERYDAY, Example, write_jsonl
from pocketmoji.core.text.everyday import everyday_rows, phrases_to_prepare
from pocketmoji.core.workspace import digest_folder, read_json
from pocketmoji.train import prepare as stage
from pocketmoji.train import qlora
from pocketmoji.train.base.weights import Base
from pocketmoji.train.prepare import prepare, rows_to_prepare
from pocketmoji.train.rows import rows_to_train
from tests.train.test_qlora import STOP

CONFIG = TrainConfig(everyday_rows=24, batch_size=4, quantise="fp32", lora_rank=8)


@pytest.fixture
def known(base: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Base:
    monkeypatch.setenv("POCKETMOJI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(stage, "VOCABULARY", 10**9)  # the tiny model's table is not to be pruned
    return Base(base, "a tiny base", "folder", "its digest")


def test_it_is_learnt_once_and_gone_on_from(
    known: Base, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = prepare(known, CONFIG)
    before = digest_folder(first.adapter)
    assert first.rows == 24 and prepare(known, CONFIG) == first and digest_folder(first.adapter) == before
    assert "prepare: unchanged, skipped" in capsys.readouterr().err
    one_step = CONFIG.model_copy(update={"max_steps": 1, "replay": 0})
    started = qlora.train(dataset, known.folder, "tiny", STOP, one_step, tmp_path / "on", first)
    alone = qlora.train(dataset, known.folder, "tiny", STOP, one_step, tmp_path / "alone")
    assert started["prepared"] == {"rows": 24, "seconds": first.seconds} and alone["prepared"] is None
    assert started["loss"][0]["loss"] != alone["loss"][0]["loss"]


def test_the_model_lies_between_the_prepared_base_and_the_tuned_one(known: Base, dataset: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    prepared = prepare(known, CONFIG)
    read = lambda folder: load_file(folder / "adapter_model.safetensors")
    adapters = {}
    for share in (0.25, 1.0):
        config = CONFIG.model_copy(update={"max_steps": 2, "replay": 0, "tuned_share": share})
        report = qlora.train(dataset, known.folder, "tiny", STOP, config, tmp_path / str(share), prepared)
        assert report["tuned_share"] == share
        adapters[share] = read(tmp_path / str(share) / "adapter")
    before = read(prepared.adapter)
    assert any(not torch.equal(before[name], tuned) for name, tuned in adapters[1.0].items())
    for name, tuned in adapters[1.0].items():
        assert torch.allclose(adapters[0.25][name], 0.75 * before[name] + 0.25 * tuned, atol=1e-6), name


def test_the_lowest_layers_stay_as_they_were_prepared(known: Base, dataset: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    prepared = prepare(known, CONFIG)
    before = load_file(prepared.adapter / "adapter_model.safetensors")
    for share, frozen in ((0.5, {0, 1}), (0.0, set[int]())):
        config = CONFIG.model_copy(update={"max_steps": 2, "replay": 0, "frozen_layers": share})
        qlora.train(dataset, known.folder, "tiny", STOP, config, tmp_path / str(share), prepared)
        tuned = load_file(tmp_path / str(share) / "adapter" / "adapter_model.safetensors")
        layer = {name: int(name.split("layers.")[1].split(".")[0]) for name in tuned}
        same = {name for name in tuned if torch.equal(before[name], tuned[name])}
        assert {layer[name] for name in tuned} == {0, 1, 2, 3}
        assert same == {name for name in tuned if layer[name] in frozen}


def test_other_settings_are_another_lesson(known: Base) -> None:
    assert prepare(known, CONFIG).adapter != prepare(known, CONFIG.model_copy(update={"everyday_rows": 20})).adapter


def test_interrupted_it_goes_on_to_the_same_adapter(
    known: Base, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("pocketmoji.train.loop.trainer.CHECKPOINT_STEPS", 2)
    whole = digest_folder(prepare(known, CONFIG).adapter)
    shutil.rmtree(tmp_path / "cache")
    seen: list[int] = []

    def interrupt(step: Any) -> None:
        seen.append(1)
        if len(seen) == 4:
            raise KeyboardInterrupt

    callback = qlora.progress_callback
    with monkeypatch.context() as patched:
        patched.setattr(qlora, "progress_callback", lambda advance: callback(interrupt))
        with pytest.raises(KeyboardInterrupt):
            prepare(known, CONFIG)
    again = prepare(known, CONFIG)
    assert digest_folder(again.adapter) == whole
    assert read_json(again.adapter.parent / "prepared.json")["steps"] == 6


def test_rows_are_drawn_with_names_and_typed_forms_among_them() -> None:
    rows = rows_to_prepare(TrainConfig(everyday_rows=600))
    assert len(rows) == 600 and sum(row.origin == "cldr:en" for row in rows) == 75
    assert any(row.text.isupper() and len(row.text) > 5 for row in rows)
    # The file is in small letters, a list seldom: whether a capital begins a text is not to tell one from the other.
    assert 0.2 < sum(row.text[:1].isupper() for row in rows) / 600 < 0.5
    assert rows == rows_to_prepare(TrainConfig(everyday_rows=600))


def test_some_of_it_is_replayed_with_the_list(dataset: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(dataset, tmp_path / "dataset")
    general = [Example(text=f"t{n}", emoji="🎉", seed_id=f"e{n}", origin="everyday") for n in range(9)]
    write_jsonl(folder / EVERYDAY, general)
    count = lambda config: sum(row.origin == "everyday" for row in rows_to_train(folder, config))
    assert count(TrainConfig(replay=4)) == 4 and count(TrainConfig(everyday=False)) == 0


def test_three_of_four_replayed_phrases_are_those_taught_before(tmp_path: Path) -> None:
    config = TrainConfig(everyday_rows=64, replay=48)
    taught = {row.text for row in phrases_to_prepare(64)}
    general = [
        Example(text=row.text, emoji=row.emoji, seed_id=f"e{n}", origin=row.origin)
        for n, row in enumerate(everyday_rows())
    ]

    def replayed(everyday: list[Example]) -> list[Example]:
        write_jsonl(tmp_path / "train.jsonl", [])
        write_jsonl(tmp_path / "everyday.jsonl", everyday)
        return rows_to_train(tmp_path, config)

    ids = {row.seed_id for row in general if row.text in taught}

    def known(rows: list[Example]) -> int:
        return sum(row.seed_id in ids for row in rows)

    rows = replayed(general)
    assert len(taught) == 56 and len(rows) == 48 and len({row.seed_id for row in rows}) == 48
    assert sum(row.origin != "everyday" for row in rows) == 6 and known(rows) == 32
    # Where there are too few of a kind, the other fills up.
    assert known(replayed([row for row in general if row.text in taught or row.origin != "everyday"])) == 42
    few = [row for row in general if row.text not in taught or row.text in sorted(taught)[:5]]
    assert len(replayed(few)) == 48 and known(replayed(few)) == 5


def test_its_model_is_let_go_before_the_lists_is_trained(known: Base) -> None:
    from peft.tuners.lora import LoraLayer

    layers = lambda: {id(found) for found in gc.get_objects() if isinstance(found, LoraLayer)}
    gc.collect()
    before = layers()
    prepare(known, CONFIG.model_copy(update={"everyday_rows": 8}))
    assert layers() <= before
