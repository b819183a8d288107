"""The list that goes along with a model, or does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.core.config import ExportConfig
from pocketmoji.core.text.memory import MEMORY_FILE, read_memory, write_memory
from pocketmoji.core.workspace import digest_file, read_json, write_json, write_text
from pocketmoji.export.card import write_card
from pocketmoji.export.ship import ship
from pocketmoji.export.stage import copy_memory
from pocketmoji.options import parser_of, settings

ROWS = [("what a fun party", "🎉🥳"), ("my cat is asleep", "🐈💤")]


@pytest.fixture
def export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with as much as `ship` reads."""
    folder = tmp_path / "export"
    for name in ("config.json", "tokenizer_config.json", "generation_config.json"):
        write_json(folder / name, {"eos_token_id": 1})
    for name in ("NOTICE", "tokenizer.json", "grammar.json"):
        write_text(folder / name, "{}")
    monkeypatch.setattr("pocketmoji.export.onnx.data.copy_graph", lambda source, target: target.write_text("x") and [])
    monkeypatch.setattr("pocketmoji.export.probe.find_probe", lambda *given: None)
    return folder


def about(memory: dict[str, int] | None) -> dict[str, Any]:
    vocabulary = {"kept": 1, "full": 2}
    training = {"examples": 2, "steps": 1, "stop_token": "<eos>", "quantise": "q4", "precision": "fp32"}
    return {
        "artefacts": [{"name": "onnx_q4", "file": "onnx/model_q4.onnx", "bytes": 1, "scores": {"n": 1}}],
        "shipped": "onnx_q4",
        "reason": "it is small",
        "max_new_tokens": 16,
        "merged": {"n": 1},
        "base": "a base",
        "base_model": "google/gemma-3-270m",
        "numerics": {"half": "fine"},
        "training": training | {"device": "cpu", "vocabulary": vocabulary},
        "memory": memory,
    }


def shipped(export: Path, web: Path, memory: dict[str, int] | None) -> dict[str, Any]:
    write_json(export / "export.json", about(memory))
    ship(export, web)
    card: dict[str, Any] = read_json(web / "pocketmoji.json")
    return card


def test_it_is_copied_from_the_model_unless_it_is_not_wanted(tmp_path: Path) -> None:
    model, out = tmp_path / "model", tmp_path / "out"
    out.mkdir()
    size = write_memory(model, ROWS).stat().st_size
    assert copy_memory(model, out, wanted=True) == {"rows": 2, "bytes": size}
    found = read_memory(out)
    assert found and found.rows == ROWS
    assert copy_memory(model, out, wanted=False) is None
    assert not (out / MEMORY_FILE).exists()


def test_a_model_from_before_there_was_one_is_exported_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert copy_memory(tmp_path, tmp_path / "out", wanted=True) is None
    assert "no memory.json" in capsys.readouterr().err


def test_the_option() -> None:
    given = lambda *arguments: settings(
        ExportConfig, parser_of("export").parse_args(["m", "e", "--out", "o", *arguments])
    )
    assert given().memory is True and given("--no-memory").memory is False


def test_the_web_folder_has_it_with_its_digest_until_it_is_left_out(export: Path, tmp_path: Path) -> None:
    web = tmp_path / "web"
    size = write_memory(export, ROWS).stat().st_size
    card = shipped(export, web, {"rows": 2, "bytes": size})
    assert card["memory"] == {"file": MEMORY_FILE, "sha256": digest_file(web / MEMORY_FILE)}
    assert card["bytes"][MEMORY_FILE] == size and card["grammar"]["file"] == "grammar.json"
    assert json.loads((web / MEMORY_FILE).read_text("utf-8"))["texts"] == [text for text, _ in ROWS]
    (export / MEMORY_FILE).unlink()
    card = shipped(export, web, None)
    assert "memory" not in card and MEMORY_FILE not in card["bytes"] and not (web / MEMORY_FILE).exists()


def test_the_model_card_says_that_the_list_travels_and_how_it_does_not(tmp_path: Path) -> None:
    write_card(tmp_path, about({"rows": 1218, "bytes": 75_723}), "onnx/model_q4.onnx")
    card = (tmp_path / "README.md").read_text("utf-8")
    assert "list travels" in card and "1,218" in card and "75,723 bytes" in card and "--no-memory" in card
    write_card(tmp_path, about(None), "onnx/model_q4.onnx")
    assert "The list itself is not in this folder." in (tmp_path / "README.md").read_text("utf-8")
