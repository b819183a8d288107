"""The page's own decoder, compiled to WebAssembly: demo/decoder/*.c by the C compiler in the Python package ziglang."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pocketmoji.core.console import say
from pocketmoji.core.errors import MachineError
from pocketmoji.core.places import DEMO
from pocketmoji.core.workspace import digest_file, digest_json, write_text

SOURCES = DEMO / "decoder"
# Without floating point short cuts: the order of every sum is the source's. Four gigabytes are what 32 bits address.
COMMAND = (
    *("-target", "wasm32-freestanding", "-std=c11", "-O3", "-Wall", "-Wextra", "-Werror", "-nostdlib"),
    *("-Wl,--no-entry", "-Wl,--import-memory", "-Wl,--export=__heap_base", "-Wl,-s"),
)
FEATURES = "generic+simd128+bulk_memory+sign_ext+nontrapping_fptoint+mutable_globals"
THREADS = ("-Wl,--shared-memory", "-Wl,--max-memory=4294901760", "-Wl,--export=__stack_pointer")
BUILDS = {
    "decoder.wasm": (f"-mcpu={FEATURES}",),
    "decoder-threads.wasm": (f"-mcpu={FEATURES}+atomics", *THREADS),  # where the page may share memory
}


def build_decoder() -> Path:
    """demo/decoder/build with both builds, compiled only where the sources or the compiler's options have changed."""
    sources = sorted(SOURCES.glob("*.[ch]"))
    digest = digest_json({"options": [COMMAND, BUILDS], "files": {path.name: digest_file(path) for path in sources}})
    folder = SOURCES / "build"
    stamp = folder / ".pocketmoji-sources"
    if stamp.is_file() and stamp.read_text("utf-8") == digest and all((folder / name).is_file() for name in BUILDS):
        return folder
    folder.mkdir(exist_ok=True)
    say("demo: compiling the decoder")
    files = [str(path) for path in sources if path.suffix == ".c"]
    for name, options in BUILDS.items():
        command = [sys.executable, "-m", "ziglang", "cc", *COMMAND, *options, *files, "-o", str(folder / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            tail = "\n".join(done.stderr.strip().splitlines()[-15:])
            raise MachineError(
                f"the page's decoder does not compile ({done.returncode}):\n{tail}",
                where=SOURCES,
                remedy="it takes the Python package ziglang, which requirements.lock has",
            )
    write_text(stamp, digest)
    return folder
