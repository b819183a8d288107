"""The wheel and the sdist, installed into an environment of their own outside the repository, where no Node.js is.

The dependencies are this environment's, put on the new one's path: what is tested is what the package itself brings.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from pocketmoji.browser_tests.app.node import build_demo
from pocketmoji.browser_tests.app.page import pack_page
from tests.browser_tests.conftest import tiny_web  # noqa: F401  (a fixture)

ROOT = Path(__file__).parents[1]
# Stands for Hugging Face's `evaluate`, which many environments have.
EVALUATE = "def list_evaluation_modules():\n    return []\n"


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pack_page(build_demo())
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return out


@pytest.fixture(scope="session")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment in which the wheel is installed."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    (wheel,) = dist.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", str(folder), "install", "--quiet", "--no-deps", str(wheel)]
    # Not with a path of ours: pip would find the checkout and think that all is there.
    subprocess.run(pip, check=True, env={name: os.environ[name] for name in os.environ if name != "PYTHONPATH"})
    (packages / "theirs.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (packages / "evaluate").mkdir()
    (packages / "evaluate/__init__.py").write_text(EVALUATE)
    return folder / "bin"


def run(installed: Path, home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command in `home`, with nothing on PATH and no cache but what it makes there."""
    empty = {"PATH": str(installed), "HOME": str(home), "POCKETMOJI_CACHE": str(home / "cache")}
    kept = {name: value for name, value in os.environ.items() if name in ("LANG", "LC_ALL")}
    return subprocess.run(
        [str(installed / command[0]), *command[1:]], cwd=home, env=empty | kept, capture_output=True, text=True
    )


def contents(archive: Path) -> set[str]:
    with zipfile.ZipFile(archive) as file:
        return {name for name in file.namelist() if ".dist-info/" not in name}


def test_the_wheel_has_every_module_and_all_that_they_read(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    folders = ("core", "datagen", "train", "evaluate", "export", "browser_tests")
    wanted = {
        f"pocketmoji/{path.relative_to(ROOT).as_posix()}" for name in folders for path in (ROOT / name).rglob("*")
    }
    wanted |= {path.relative_to(ROOT).as_posix() for path in (ROOT / "pocketmoji").glob("*.py")}
    wanted |= {f"pocketmoji/seeds/{path.name}" for path in (ROOT / "seeds").iterdir()}
    wanted = {name for name in wanted if "__pycache__" not in name and "." in name.rpartition("/")[2]}
    found = contents(wheel)
    assert wanted - found == set()
    assert {"pocketmoji/page.zip", "pocketmoji/report/report.html", "pocketmoji/project_files/workflow.yml"} <= found
    assert {name.partition("/")[0] for name in found} == {"pocketmoji"}
    assert wheel.stat().st_size < 100_000_000


def test_beside_a_package_called_evaluate(installed: Path, tmp_path: Path) -> None:
    script = "import evaluate; evaluate.list_evaluation_modules; import pocketmoji, pocketmoji.evaluate\n"
    script += f"assert not pocketmoji.__file__.startswith({str(ROOT)!r}), pocketmoji.__file__"
    done = run(installed, tmp_path, "python", "-c", script)
    assert done.returncode == 0, done.stderr
    assert run(installed, tmp_path, "pocketmoji", "--help").stdout.startswith("usage: pocketmoji")


def test_a_dataset_of_twenty_phrases(installed: Path, tmp_path: Path) -> None:
    rows = (ROOT / "seeds/personal.csv").read_text("utf-8").splitlines()[:21]
    (tmp_path / "mine.csv").write_text("\n".join(rows) + "\n", "utf-8")
    done = run(installed, tmp_path, "pocketmoji", "datagen", "mine.csv", "--teacher", "offline", "--out", "dataset")
    assert done.returncode == 0, done.stderr
    assert "20 seeds" in done.stderr and (tmp_path / "dataset/train.jsonl").is_file()


def test_the_app_without_node(installed: Path, tmp_path: Path, tiny_web: Path) -> None:  # noqa: F811
    done = run(installed, tmp_path, "pocketmoji", "demo", str(tiny_web), "--build", "site")
    assert done.returncode == 0, done.stderr
    built = {path.relative_to(build_demo()).as_posix() for path in build_demo().rglob("*") if path.is_file()}
    there = {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*")}
    # What a host may not take in one piece is there in parts (docs/app.md).
    split = json.loads((tmp_path / "site/runtime/pocketmoji.json").read_text("utf-8"))["parts"]
    assert split and all(f"runtime/{part['file']}" in there for parts in split.values() for part in parts)
    assert {name for name in built if not name.startswith(".")} <= there | {f"runtime/{name}" for name in split}
    assert "models/model/tokenizer.json" in there


def test_a_project_and_an_answer(installed: Path, tmp_path: Path, tiny_web: Path) -> None:  # noqa: F811
    assert run(installed, tmp_path, "pocketmoji", "new", "mine").returncode == 0
    assert (tmp_path / "mine/seeds.csv").is_file()
    done = run(installed, tmp_path, "pocketmoji", "ask", str(tiny_web), "a party", "--json")
    assert done.returncode == 0 and '"probability"' in done.stdout, done.stderr


def test_pytest_knows_the_plugin(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "python", "-m", "pytest", "--help")
    assert "--pocketmoji-web" in done.stdout, done.stderr
