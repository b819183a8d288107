"""The built page: demo/dist in a checkout; what the installed package carries packed, unpacked once for this user."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

from pocketmoji.core.console import say
from pocketmoji.core.errors import MachineError
from pocketmoji.core.places import CHECKOUT, DEMO, PACKED_PAGE, cache_folder
from pocketmoji.core.workspace import atomic_path, digest_file

STAMP = ".pocketmoji-sources"  # the digest of the sources that a page was built from
TIMESTAMP = (1980, 1, 1, 0, 0, 0)  # the same page gives the same bytes


def page_folder() -> Path:
    """The built page. MachineError where an installation has none; in a checkout it may still have to be built."""
    return DEMO / "dist" if CHECKOUT else unpack_page(PACKED_PAGE)


def unpack_page(packed: Path) -> Path:
    """The page in `packed`, unpacked in the cache by its content; later calls find it there."""
    if not packed.is_file():
        raise MachineError(
            "this installation of pocketmoji has no page for the browser",
            expected=str(packed),
            remedy="install a wheel that `make dist` built: one built from a bare checkout lacks the page",
        )
    folder = cache_folder() / f"page-{digest_file(packed)[:16]}"
    if not folder.is_dir():
        partial = folder.with_name(f".{folder.name}.{os.getpid()}")
        try:
            with zipfile.ZipFile(packed) as archive:
                archive.extractall(partial)
            partial.rename(folder)
        except OSError:  # another process may have been first
            if not folder.is_dir():
                raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def pack_page(page: Path, packed: Path = PACKED_PAGE) -> Path:
    """Pack a built page as one file, a fifth as large, unless `packed` is of the same page."""
    if not packed.is_file() or _stamp(packed) != (page / STAMP).read_bytes():
        with atomic_path(packed) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_LZMA) as archive:
            for path in sorted(path for path in page.rglob("*") if path.is_file()):
                entry = zipfile.ZipInfo(path.relative_to(page).as_posix(), TIMESTAMP)
                entry.compress_type, entry.external_attr = zipfile.ZIP_LZMA, 0o644 << 16
                archive.writestr(entry, path.read_bytes())
    say(f"page: {packed} ({packed.stat().st_size / 1e6:.1f} MB)")
    return packed


def _stamp(packed: Path) -> bytes:
    with zipfile.ZipFile(packed) as archive:
        return archive.read(STAMP)
