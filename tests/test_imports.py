"""Imports go down the floors that pyproject.toml lists, and run in no circle."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_no_import_runs_back_up_or_in_a_circle() -> None:
    linter = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    root = Path(__file__).parents[1]
    done = subprocess.run([*linter, "--no-cache"], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kept, 0 broken" in done.stdout
