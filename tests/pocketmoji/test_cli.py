"""The command line: help is fast and complete, wrong input exits 2 with value, place and remedy, nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pocketmoji.cli import main
from pocketmoji.options import COMMANDS, parser_of


def test_help_imports_nothing_heavy(capsys: pytest.CaptureFixture[str]) -> None:
    program = (
        "import sys\nfrom pocketmoji.cli import main\nassert main(['--help']) == 0\n"
        "heavy = {'torch', 'transformers', 'pydantic', 'google.genai', 'playwright', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert COMMANDS[command] in " ".join(capsys.readouterr().out.split())


def test_an_option_reaches_every_stage_that_has_it() -> None:
    from pocketmoji.core.config import DatagenConfig, TrainConfig
    from pocketmoji.options import settings

    options = parser_of("run").parse_args(["--random-seed", "7", "--epochs", "2", "--paraphrases", "3"])
    assert settings(DatagenConfig, options).random_seed == settings(TrainConfig, options).random_seed == 7
    assert settings(TrainConfig, options).epochs == 2 and settings(DatagenConfig, options).paraphrases == 3


def test_windows_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with monkeypatch.context() as windows:
        windows.setattr("os.name", "nt")
        code = main(["doctor"])
    assert code == 2 and "WSL" in capsys.readouterr().err


BAD = {
    "empty.csv": ("", "empty"),
    "no_column.csv": ("text,answer\nhello there,🎉\n", "emoji"),
    "letter.csv": ("text,emoji\na b,🎉x\nc d,🎉\ne f,🥳\ng h,🍕\ni j,🍫\n", "a letter"),
    "digit.csv": ("text,emoji\na b,🎉1\nc d,🎉\ne f,🥳\ng h,🍕\ni j,🍫\n", "digit"),
    "joiner.csv": ("text,emoji\na b,👪\u200d👦\nc d,🎉\ne f,🥳\ng h,🍕\ni j,🍫\n", "ZWJ"),
    "two.csv": ("text,emoji\na b,🎉\nA  b,🥳\ne f,🥳\ng h,🍕\ni j,🍫\n", "line"),
    "one.csv": ("text,emoji\na b,🎉\n", "at least"),
    "long.csv": ("text,emoji\n" + "word " * 2000 + ",🎉\nc d,🎉\ne f,🥳\ng h,🍕\ni j,🍫\n", "long"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_seeds(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, told = BAD[name]
    seeds = tmp_path / name
    seeds.write_text(content, "utf-8")
    assert main(["run", "--seeds", str(seeds), "--runs", str(tmp_path / "runs")]) == 2
    message = capsys.readouterr().err
    assert told in message and "Traceback" not in message
    assert seeds.read_text("utf-8") == content
    assert not list((tmp_path / "runs").rglob("*.jsonl"))


def test_broken_utf8_and_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seeds = tmp_path / "broken.csv"
    seeds.write_bytes(b"text,emoji\nhello \xff there,x\n")
    assert main(["datagen", str(seeds), "--out", str(tmp_path / "out")]) == 2
    assert "UTF-8" in capsys.readouterr().err
    assert main(["datagen", str(tmp_path / "absent.csv"), "--out", str(tmp_path / "out")]) == 2
    assert "absent.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fly"], "no command 'fly'"),
        (["run", "--epochs", "many"], "--epochs is 'many'"),
        (["run", "--paraphrases", "-1"], "--paraphrases is '-1'"),
        (["evaluate", ".", "--model", "nameless", "--out", "x"], "NAME=FOLDER"),
        (["demo", "/no/such/folder"], "holds no model"),
        (["run", "--learnin-rate", "1"], "an option such as --learning-rate"),
        (["train", "dataset"], "train: the following arguments are required: --out"),
        (["ask", "--json", "/none", "--no-memory", "behind an option"], "there is no /none"),
    ],
)
def test_wrong_arguments(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert told in said and len(said.splitlines()) <= 4


def test_train_without_a_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(tmp_path), "--out", str(tmp_path / "model")]) == 2
    assert "train.jsonl" in capsys.readouterr().err
