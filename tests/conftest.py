"""Fixtures that several folders of tests share."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

# A shell that starts a job in the background has it ignore Ctrl-C, and all its children: the commands under test, too.
signal.signal(signal.SIGINT, signal.default_int_handler)


LONGEST = ("test_mission.py", "test_interrupted.py", "test_package.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes first: several processes share the files (Makefile); none is to wait for one at the end."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny random Gemma 3 with its tokenizer; read it, do not write into it."""
    from tests.tiny import make_tiny_model

    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "model")
