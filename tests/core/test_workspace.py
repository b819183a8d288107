"""Stages are skipped when nothing changed, redone when something did, and nothing is lost on the way."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pocketmoji.core.errors import MachineError
from pocketmoji.core.workspace import MANIFEST, atomic_path, read_json, run_stage, write_text


def stage(folder: Path, calls: list[str], value: str = "a", fail: BaseException | None = None) -> bool:
    def work(out: Path) -> None:
        calls.append(value)
        write_text(out / "out.txt", value)
        if fail:
            raise fail

    did, _ = run_stage(
        folder, command="test", config={"value": value}, read={}, packages=[], work=work, say=lambda message: None
    )
    return did


def test_unchanged_is_skipped_and_changed_is_redone(tmp_path: Path) -> None:
    calls: list[str] = []
    assert stage(tmp_path, calls) and not stage(tmp_path, calls)
    assert stage(tmp_path, calls, "b")
    assert calls == ["a", "b"]
    manifest = read_json(tmp_path / MANIFEST)
    assert manifest["wrote"].keys() == {"out.txt"} and manifest["seconds"] >= 0 and manifest["peak_memory_bytes"] > 0


def test_a_file_that_was_changed_or_lost_is_made_again(tmp_path: Path) -> None:
    calls: list[str] = []
    stage(tmp_path, calls)
    (tmp_path / "out.txt").write_text("tampered")
    assert stage(tmp_path, calls)
    (tmp_path / "out.txt").unlink()
    assert stage(tmp_path, calls) and (tmp_path / "out.txt").read_text() == "a"


def test_an_interrupted_stage_is_not_current(tmp_path: Path) -> None:
    calls: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        stage(tmp_path, calls, fail=KeyboardInterrupt())
    assert not (tmp_path / MANIFEST).exists()
    assert stage(tmp_path, calls) and calls == ["a", "a"]


def test_a_full_disk_keeps_the_old_file_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept.txt"
    write_text(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MachineError, match="disk is full"):
        write_text(path, "new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_library_that_only_says_that_the_disk_is_full(tmp_path: Path) -> None:
    """safetensors, for one, is written in Rust and raises an error of its own."""
    with pytest.raises(MachineError, match="disk is full"), atomic_path(tmp_path / "new.bin"):
        raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")
    with pytest.raises(RuntimeError, match="something else"), atomic_path(tmp_path / "new.bin"):
        raise RuntimeError("something else")


def test_a_disk_that_fills_up_in_a_stage_is_told_with_its_folder(tmp_path: Path) -> None:
    """Whatever writes there: a library's checkpoint goes through no function of ours."""
    with pytest.raises(MachineError, match="disk is full") as caught:
        stage(tmp_path / "model", [], fail=OSError(errno.ENOSPC, "No space left on device"))
    assert str(tmp_path / "model") in str(caught.value) and not (tmp_path / "model" / MANIFEST).exists()


def test_peak_memory_is_not_that_of_whoever_started_the_process() -> None:
    """Linux hands the starter's ru_maxrss on."""
    measured = "from pocketmoji.core.workspace import peak_memory_bytes; print(peak_memory_bytes())"
    starter = f"""
import subprocess, sys
held = b"x" * (300 << 20)
del held
subprocess.run([sys.executable, "-c", {measured!r}], check=True)
"""
    peak = int(subprocess.run([sys.executable, "-c", starter], check=True, capture_output=True, text=True).stdout)
    assert 1 << 20 < peak < 200 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's way to keep what was freed")
def test_what_a_stage_has_freed_is_the_systems_again(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from pocketmoji.core.workspace import run_stage
last = []
def work(out):
    cycle = [bytes(2000) for _ in range(100_000)]
    cycle.append(cycle)
    last.append(bytes(2000))  # above them on the heap, so that freeing alone does not lower it
run_stage(Path({str(tmp_path)!r}) / "stage", command="test", config={{}}, read={{}}, packages=[], work=work, say=print)
print(next(line for line in open("/proc/self/status") if line.startswith("VmRSS:")).split()[1])
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(done.stdout.split()[-1]) < 150_000
