"""`pocketmoji new`, and the configuration file that `pocketmoji run` reads."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.cli import main
from pocketmoji.core.config import RunConfig
from pocketmoji.datagen.seeds.reading import read_seeds
from pocketmoji.options import parser_of, run_config
from pocketmoji.project import configuration


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    assert main(["new", str(tmp_path / "mine")]) == 0
    monkeypatch.chdir(tmp_path / "mine")
    return tmp_path / "mine"


def config(*arguments: str) -> RunConfig:
    return run_config(parser_of("run").parse_args(arguments))


def test_a_new_project_has_a_list_that_can_be_read_a_configuration_and_a_workflow(project: Path) -> None:
    assert read_seeds(project / "seeds.csv").seeds
    assert (project / ".github/workflows/pocketmoji.yml").read_text("utf-8").count("pocketmoji run") == 1
    assert config() == RunConfig(name="mine", seeds=Path("seeds.csv"), runs=Path("runs"))


def test_nothing_is_overwritten(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "seeds.csv").write_text("mine")
    (project / "pocketmoji.toml").unlink()
    assert main(["new", str(project)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert (project / "seeds.csv").read_text() == "mine" and not (project / "pocketmoji.toml").exists()


def test_every_default_that_is_written_down_is_one(project: Path) -> None:
    said = tomllib.loads(re.sub(r"^# (\w+ = [^#]+)", r"\1", configuration("mine").split("\n\n", 1)[1], flags=re.M))
    read = {name: section for name, section in said.items() if section}
    assert set(read) == {"datagen", "train", "evaluate", "export", "browser"}
    (project / "pocketmoji.toml").write_text('seeds = "seeds.csv"\nname = "mine"\n')
    plain: dict[str, Any] = config().model_dump(mode="json")
    for section, options in read.items():
        assert {name: plain[section][name] for name in options} == options


def test_the_command_line_goes_before_the_file(project: Path) -> None:
    (project / "pocketmoji.toml").write_text('name = "party"\n[train]\nepochs = 1.5\nbatch_size = 4\n')
    found = config("--epochs", "2", "--name", "other")
    assert (found.train.epochs, found.train.batch_size, found.name) == (2.0, 4, "other")
    assert config().name == "party"


def test_paths_are_read_from_where_the_file_lies(project: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    found = config("--config", "mine/pocketmoji.toml")
    assert (found.seeds, found.runs) == (Path("mine/seeds.csv"), Path("mine/runs"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seeds = 3", "seeds is 3"),
        ("[trian]\nepochs = 1", "trian is no option"),
        ("[train]\nepoch = 1", "epoch is 1"),
        ("[train]\nepochs = 0", "epochs is 0"),
        ("epochs 1", "is no TOML"),
    ],
)
def test_what_is_wrong_in_it_is_named(project: Path, text: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "pocketmoji.toml").write_text(text)
    assert main(["run"]) == 2
    error = capsys.readouterr().err
    assert told in error and "pocketmoji.toml" in error
