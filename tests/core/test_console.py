"""What a person sees while something runs."""

from __future__ import annotations

import pytest

from pocketmoji.core.console import progress


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("rank", ["", "0", "1"])
def test_of_several_processes_one_tells_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rank: str, terminal: bool
) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    with progress("training", 3, "steps", lambda: "loss 1.5") as advance:
        advance(1)
        advance(2)
    seen = capsys.readouterr().err
    if rank == "1":
        assert seen == ""
    else:
        assert "training" in seen and "3/3" in seen and "loss 1.5" in seen
