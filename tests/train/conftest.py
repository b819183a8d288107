"""A tiny base and a dataset of four seeds, for the tests that train."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pocketmoji.core.records import Example, write_jsonl
from pocketmoji.core.text.prompt import CHAT_TEMPLATE
from pocketmoji.core.workspace import read_json, write_json


@pytest.fixture(scope="session")
def base(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "base"
    shutil.copytree(tiny_model, folder)
    write_json(folder / "vocabulary.json", {"kept": 512, "full": 512})
    config = read_json(folder / "tokenizer_config.json")
    write_json(folder / "tokenizer_config.json", {**config, "chat_template": CHAT_TEMPLATE})
    return folder


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    rows = [
        ("what a fun party", "🎉🥳"),
        ("my cat is sleeping", "😴💤"),
        ("pizza friday", "🍕"),
        ("we shipped it", "🚀"),
    ]
    examples = [Example(text=text, emoji=emoji, seed_id=text, origin="seed") for text, emoji in rows]
    write_jsonl(folder / "train.jsonl", [*examples, *examples])
    write_jsonl(folder / "validation.jsonl", examples[:1])
    return folder
