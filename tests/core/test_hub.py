"""Putting a folder on a Hub: everything that is meant for others arrives, nothing else does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest

from pocketmoji.core.errors import InputError, MachineError
from pocketmoji.core.hub import push
from tests.hub_server import Hub


@pytest.mark.parametrize("kind", ["dataset", "model"])
def test_push(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Literal["dataset", "model"]) -> None:
    import huggingface_hub

    folder = tmp_path / "out"
    (folder / "parquet").mkdir(parents=True)
    for name in ("README.md", "train.jsonl", "parquet/train.parquet", "manifest.json", ".teacher_journal.jsonl"):
        (folder / name).write_text(f"content of {name}", "utf-8")
    with Hub() as hub:
        real = huggingface_hub.HfApi
        monkeypatch.setattr(huggingface_hub, "HfApi", lambda: real(endpoint=hub.url, token="hf_test"))
        assert push(folder, "me/mine", kind).endswith("/commit/1")
        assert hub.created[0]["name"] == "mine" and "private" in json.dumps(hub.created[0])
        with pytest.raises(InputError, match="--push is"):
            push(folder, "no such/name/at all", kind)
    names = ("README.md", "train.jsonl", "parquet/train.parquet")
    assert hub.files == {name: (folder / name).read_bytes() for name in names}
    with pytest.raises(MachineError, match="could not be put"):
        push(folder, "me/mine", kind)
