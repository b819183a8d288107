"""A command whose extra is missing says which one to install, before it works."""

from __future__ import annotations

from importlib import metadata

import pytest

from pocketmoji.cli import main
from pocketmoji.core.errors import MachineError
from pocketmoji.core.extras import explain_import, missing_packages, require_extra

NEEDS = [
    "pydantic>=2",
    'torch>=2.11; extra == "train"',
    'no-such-package>=1; extra == "train"',
    'pocketmoji[train]; extra == "all"',
    'never-heard-of; extra == "browser"',
]


@pytest.fixture
def needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "requires", lambda name: NEEDS)


@pytest.mark.usefixtures("needs")
def test_an_extra_names_what_it_lacks_also_by_way_of_another() -> None:
    assert missing_packages("train") == missing_packages("all") == ["no-such-package"]
    assert missing_packages("ray") == []
    with pytest.raises(MachineError, match=r"needs no-such-package, never-heard-of.*\n.*pocketmoji\[train,browser\]"):
        require_extra("train", "browser", what="a whole run")


@pytest.mark.usefixtures("needs")
@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (["run"], "train,browser"),
        (["train", "dataset", "--out", "out"], "train"),
        (["browser-test", "web", "evaluation", "--out", "out"], "browser"),
        (["evaluate", "dataset", "--runtime", "torch:model", "--out", "out"], "train"),
    ],
)
def test_the_command_says_which_extra_and_exits_2(
    command: list[str], extra: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 2
    assert f"pip install 'pocketmoji[{extra}]'" in capsys.readouterr().err


def test_an_import_that_nobody_asked_about_is_explained_too() -> None:
    told = explain_import(ModuleNotFoundError("no", name="onnxruntime.capi"))
    assert told and "pocketmoji[ask]" in str(told)
    assert explain_import(ModuleNotFoundError("no", name="own_bug")) is None
