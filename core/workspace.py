"""Folders on disk: atomic writes, digests, and stages that are skipped when nothing they depend on has changed."""

from __future__ import annotations

import ctypes
import errno
import gc
import hashlib
import json
import os
import platform
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from pocketmoji.core.errors import InputError, MachineError, PocketmojiError

MANIFEST = "manifest.json"


def is_disk_full(error: Exception) -> bool:
    """True for an error of a full disk or quota, also from a library in another language, which only says so."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return any(os.strerror(number) in str(error) for number in (errno.ENOSPC, errno.EDQUOT))


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    """Gives an error of a full disk its words and its place: the file or the stage's folder that was being written."""
    try:
        yield
    except PocketmojiError:
        raise
    except Exception as error:
        if not is_disk_full(error):
            raise
        free = shutil.disk_usage(path.parent).free
        raise MachineError(
            f"the disk is full ({free / 1e6:.0f} MB left) while writing {path.name}",
            where=path,
            remedy="free some space and run the same command again: finished stages are kept",
        ) from error


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; renamed to it, after an fsync, when the block ends well, removed otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with _disk_errors(path):
            yield temporary
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def read_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file that need not be there or ours; {} for none. InputError if it is no JSON."""
    if not path.is_file():
        return {}
    try:
        found = read_json(path)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} is no JSON: {error}", where=path) from error
    return found if isinstance(found, dict) else {}


def digest_file(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(value: Any) -> str:
    """The JSON form of a value that digests are made of: sorted keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def digest_json(value: Any) -> str:
    """SHA-256 of a value's canonical JSON form."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def digest_folder(folder: Path) -> dict[str, str]:
    """Digest of each file below `folder` by relative path; the manifest, hidden files and checkpoints are left out."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        if path.is_file() and not hidden and relative.name != MANIFEST:
            found[relative.as_posix()] = digest_file(path)
    return found


def digests_of(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Digests of a dataset's files by name; InputError if one is missing."""
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{missing[0]} is missing", where=folder, remedy="make the dataset first: pocketmoji datagen")
    return {name: digest_file(folder / name) for name in names}


def digest_of(folder: Path) -> Any:
    """What a finished stage wrote, by its manifest; any other folder is read."""
    manifest = folder / MANIFEST
    if manifest.is_file():
        return read_json(manifest)["wrote"]
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}", remedy="run the stage before this one first")
    return digest_folder(folder)


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Installed versions of the packages that shaped a result."""
    found = {"python": platform.python_version()}
    for name in ("pocketmoji", *packages):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def peak_memory_bytes() -> int:
    """Highest resident set of this process or of any finished child, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    status = Path("/proc/self/status")
    if not status.is_file():
        return max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, children)
    # Not Linux's ru_maxrss: a process that was started by a larger one begins with that one's.
    own = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return max(int(own.split()[1]) * 1024, children)


def give_memory_back() -> None:
    """Free what only cycles hold, and give the system what was freed: glibc keeps gigabytes in pieces that the next
    stage's tensors do not fit, so that a process would hold all of its stages at once."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)


def is_current(folder: Path, fingerprint: str) -> bool:
    """True if `folder` was finished with this fingerprint and its files are still what the manifest says."""
    path = folder / MANIFEST
    if not path.is_file():
        return False
    try:
        manifest = read_json(path)
    except ValueError:
        return False
    return manifest.get("fingerprint") == fingerprint and manifest.get("wrote") == digest_folder(folder)


def run_stage(
    folder: Path,
    *,
    command: str,
    config: Mapping[str, Any],
    read: Mapping[str, Any],
    packages: Iterable[str],
    work: Callable[[Path], None],
    say: Callable[[str], None],
) -> tuple[bool, float]:
    """Do `work(folder)` unless the folder is current; returns (did it, seconds it took when it was done).

    The fingerprint is the config, the digests of what was read and the versions of the named packages. The manifest is
    written last, so a stage that was interrupted is not current; what it left is handed to `work` again, which may
    resume from it.
    """
    used = versions(packages)
    fingerprint = digest_json({"command": command, "config": config, "read": read, "versions": used})
    if is_current(folder, fingerprint):
        seconds = float(read_json(folder / MANIFEST)["seconds"])
        say(f"{command}: unchanged, skipped ({folder})")
        return False, seconds
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    started = time.monotonic()
    with _disk_errors(folder):
        work(folder)
    give_memory_back()
    seconds = time.monotonic() - started
    write_json(
        folder / MANIFEST,
        {
            "command": command,
            "fingerprint": fingerprint,
            "config": dict(config),
            "versions": used,
            "read": dict(read),
            "wrote": digest_folder(folder),
            "seconds": round(seconds, 2),
            "peak_memory_bytes": peak_memory_bytes(),
        },
    )
    return True, seconds
