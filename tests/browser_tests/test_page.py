"""The page as the installed package carries it: packed, and unpacked where the user's cache is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pocketmoji.browser_tests.app.page import STAMP, pack_page, unpack_page
from pocketmoji.core.errors import MachineError


@pytest.fixture
def page(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "runtime").mkdir(parents=True)
    for name, text in (("index.html", "<p>"), ("runtime/a.wasm", "\0asm"), (STAMP, "1")):
        (folder / name).write_text(text)
    return folder


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POCKETMOJI_CACHE", str(tmp_path / "cache"))


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_unpacked_it_is_what_was_packed(page: Path, tmp_path: Path) -> None:
    packed = pack_page(page, tmp_path / "page.zip")
    unpacked = unpack_page(packed)
    assert files(unpacked) == files(page)
    assert unpack_page(packed) == unpacked and [unpacked] == list(unpacked.parent.iterdir())


def test_the_same_page_gives_the_same_bytes_and_another_is_packed_anew(page: Path, tmp_path: Path) -> None:
    first = pack_page(page, tmp_path / "one.zip").read_bytes()
    assert first == pack_page(page, tmp_path / "two.zip").read_bytes()
    (page / "index.html").write_text("<b>")
    (page / STAMP).write_text("2")
    packed = pack_page(page, tmp_path / "one.zip")
    assert packed.read_bytes() != first
    assert files(unpack_page(packed)) == files(page)


def test_an_installation_without_a_page_says_so(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="make dist"):
        unpack_page(tmp_path / "page.zip")
