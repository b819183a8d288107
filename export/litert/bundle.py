"""LiteRT: a merged model -> `model.task`, what MediaPipe's LLM Inference loads in a browser, and `model.litertlm`, what
LiteRT-LM loads in an app.

The converter (litert-torch, once ai-edge-torch) brings JAX and two gigabytes with it, so it lives in an environment of
its own (`.venv-litert` in a checkout, else in the user's cache folder), and is run as a child process (convert.py).

    python -m pocketmoji.export.litert.bundle --ensure-environment
"""

from __future__ import annotations

import argparse
import collections
import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pocketmoji
from pocketmoji.core.console import progress, say
from pocketmoji.core.errors import InputError, MachineError, PocketmojiError
from pocketmoji.core.places import litert_environment
from pocketmoji.core.text.emoji import emoji_table
from pocketmoji.core.text.prompt import BOS, render
from pocketmoji.core.workspace import atomic_path, digest_file, digest_json, read_json, write_json, write_text
from pocketmoji.export.litert.convert import Job

PACKAGES = Path(pocketmoji.__file__).resolve().parents[1]
LOCK = Path(__file__).with_name("requirements-litert.lock")
STAMP = "lock.sha256"
LITERTLM = "model.litertlm"
RECIPES = {"int8": "dynamic_int8", "int4": "dynamic_int4_block32", "fp32": "none"}  # litert_torch's names
# Tokens per prefill call, and of prompt and answer together. Every call computes all of its places: a short phrase with
# our prompt has about 25, and a longer one takes a second call.
PREFILL, CONTEXT = 32, 256
STEPS = 4
LOG = "converter.log"
FOLLOW_S = 0.1
TAIL = 30  # lines of a failed child's log that go into the message

TEXTS = (
    "The capital of France is Paris, isn't it?",
    "  two spaces\n\n\tand a tab\n",
    "Ünïcödé, 日本語, العربية, עברית",
    "don't panic: 12345 + 67.89 = ?!",
    "a▁b [multimodal] <strong>html</strong> <unused7>",
    "def f(x):\n    return x + 1\n",
    "e\u0301 is not é; \u200b is nothing; \ufffd",
)


def ensure_environment() -> Path:
    """Build the converter's environment from the lock file unless it is there already; returns its Python."""
    environment = litert_environment()
    python = environment / "bin" / "python"
    wanted = digest_json([digest_file(LOCK), sys.version_info[:2]])
    stamp = environment / STAMP
    with open(LOCK) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two commands that start at once build it once
        if stamp.is_file() and stamp.read_text() == wanted:
            return python
        say(f"litert: building the converter's environment in {environment} (about a minute and 2 GB)")
        shutil.rmtree(environment, ignore_errors=True)
        _run_or_raise([sys.executable, "-m", "venv", str(environment)], "making it", environment)
        # --no-deps: the lock file is complete. --no-compile: most of these modules are never imported.
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile"]
        _run_or_raise([str(python), *install, "-r", str(LOCK)], f"installing {LOCK.name}", environment)
        write_text(stamp, wanted)
    return python


def _run_or_raise(command: list[str], what: str, environment: Path) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise MachineError(
            f"{what} failed (exit code {done.returncode}):\n" + _indent(done.stdout.splitlines()[-TAIL:]),
            where=environment,
            remedy="check the network and the free disk space (3 GB), then run the same command again",
        )


def _indent(lines: Iterable[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)


def export_litert(
    model_folder: Path,
    web_folder: Path,
    stop_tokens: list[str],
    *,
    texts: Sequence[str] = (),
    precision: str = "int8",
    litertlm: bool = False,
) -> Path:
    """Convert the merged model in `model_folder` to `web_folder/model.task`; returns that path. `litertlm`: and to
    model.litertlm beside it. `precision`: int8, int4 or fp32.

    The bundle starts every prompt with <bos> and ends an answer at any of `stop_tokens`. `texts` (the evaluation texts)
    and a fixed set, all emoji included, are tokenised with the bundle's tokenizer and with tokenizer.json: a difference
    is an error. `web_folder/litert.json` records the settings and that check. OSError if the disk is full.
    """
    given = (texts, precision, litertlm)
    with converting(model_folder, web_folder, stop_tokens, *given) as finish:
        return finish()


@contextmanager
def converting(
    model_folder: Path,
    web_folder: Path,
    stop_tokens: list[str],
    texts: Sequence[str] = (),
    precision: str = "int8",
    litertlm: bool = False,
) -> Iterator[Callable[[], Path]]:
    """`export_litert` while the block does something else: a process of its own converts, mostly on one core, and what
    is yielded waits for its end. A block that is left without waiting ends it."""
    if not stop_tokens:
        raise InputError("no stop token was given for the MediaPipe bundle", expected="at least one")
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (model_folder / name).is_file():
            raise InputError(f"{name} is missing", expected="a merged model", where=model_folder)
    python = ensure_environment()
    web_folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with _scratch(web_folder / ".litert") as scratch:
        job = Job(
            model=str(model_folder.resolve()),
            task=str(scratch / "model.task"),
            result=str(scratch / "result.json"),
            stop_tokens=list(stop_tokens),
            # The engine puts the <bos> before the prompt itself, so its tokenizer never sees one.
            texts=[*(render(text).removeprefix(BOS) for text in (*texts, *TEXTS)), *TEXTS, *emoji_table()],
            quantize=RECIPES[precision],
            prefill=PREFILL,
            context=CONTEXT,
            litertlm=str(scratch / "bundled.litertlm") if litertlm else "",
        )
        write_json(scratch / "job.json", asdict(job))
        with _started(python, scratch / "job.json") as child:

            def finish() -> Path:
                _wait(child, scratch / "job.json")
                return _keep(job, model_folder, web_folder, time.monotonic() - started)

            yield finish


def _keep(job: Job, model_folder: Path, web_folder: Path, seconds: float) -> Path:
    """Moves what was converted to the web folder; returns model.task."""
    result = read_json(Path(job.result))
    task = web_folder / "model.task"
    for made, kept in ((job.task, task), (job.litertlm, web_folder / LITERTLM)):
        if made:
            with atomic_path(kept) as temporary:
                Path(made).replace(temporary)
    differing = result["differing_texts"]
    if differing:
        raise PocketmojiError(
            f"the SentencePiece tokenizer splits {len(differing)} of {result['texts']} texts differently, "
            f"for instance {differing[0]!r}",
            expected="the same tokens as tokenizer.json",
            where=model_folder / "tokenizer.json",
        )
    record = {
        "precision": next(name for name, recipe in RECIPES.items() if recipe == job.quantize),
        "prefill": job.prefill,
        "context": job.context,
        "stop_tokens": job.stop_tokens,
        "residual_scale": result["residual_scale"],
        "texts_tokenised_alike": result["texts"],
    }
    write_json(web_folder / "litert.json", record)
    say(
        f"litert: model.task {result['task_bytes'] / 1e6:.0f} MB in {seconds:.0f} s, "
        f"peak memory {result['peak_memory_bytes'] / 2**30:.1f} GiB, {result['texts']} texts tokenise alike"
    )
    return task


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """An empty folder, removed when the block ends; what a killed run left in it goes first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder.resolve()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(python: Path, job: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The converter, killed if it is not done. Its talk goes to a file, since nobody may be there to read it."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONUNBUFFERED": "1"}
    # The converter's own packages come first: what stands beside this one is pinned otherwise.
    start = f"import runpy, sys; sys.path.append({str(PACKAGES)!r}); "
    start += "runpy.run_module('pocketmoji.export.litert.convert', run_name='__main__', alter_sys=True)"
    command = [str(python), "-c", start, str(job)]
    with open(job.with_name(LOG), "wb") as log:
        child = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def _wait(child: subprocess.Popen[bytes], job: Path) -> None:
    """Follows the converter to its end; its steps become progress, and the end of its log the message if it fails."""
    tail: collections.deque[str] = collections.deque(maxlen=TAIL)
    with (
        progress("litert", STEPS, "steps") as advance,
        open(job.with_name(LOG), encoding="utf-8", errors="replace") as log,
    ):
        ended = False
        while True:
            line = log.readline()
            if line.startswith("step: "):
                say(f"litert: {line.removeprefix('step: ').strip()}")
                advance(1)
            elif line:
                tail.append(line.rstrip())
            elif ended:
                break
            else:
                ended = child.poll() is not None  # what it wrote last is still to be read
                time.sleep(0 if ended else FOLLOW_S)
    if child.returncode:
        if any(os.strerror(errno.ENOSPC) in line for line in tail):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(job.parent))
        killed = child.returncode == -signal.SIGKILL
        cause = "it was killed, most likely for want of memory" if killed else f"exit code {child.returncode}"
        raise PocketmojiError(f"the LiteRT converter failed ({cause}):\n" + _indent(tail), where=job)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m pocketmoji.export.litert.bundle", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--ensure-environment", action="store_true", help="build the environment unless it is current")
    parser.add_argument("--model", type=Path, help="a merged model's folder")
    parser.add_argument("--web", type=Path, help="the folder that model.task goes into")
    parser.add_argument("--stop-token", action="append", default=[], help="ends an answer; may be repeated")
    parser.add_argument("--precision", choices=RECIPES, default="int8", help="how weights are stored")
    options = parser.parse_args(arguments)
    try:
        if options.ensure_environment:
            ensure_environment()
        if options.model and options.web:
            task = export_litert(options.model, options.web, options.stop_token, precision=options.precision)
            print(json.dumps({"task": str(task), "bytes": task.stat().st_size}))
    except PocketmojiError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
