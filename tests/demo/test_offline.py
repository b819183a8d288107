"""Service worker and kept model: offline, threads without headers, a broken download, a model that was exported anew."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.browser_tests.app.server import Handler, Server, running

pytestmark = pytest.mark.browser
Open = Callable[..., Any]


@pytest.fixture
def own_server(tiny_web: Path, tmp_path: Path) -> Iterator[Server]:
    with running({"model": shutil.copytree(tiny_web, tmp_path / "web")}) as started:
        yield started


def wait_until_ready(page: Any) -> dict[str, Any]:
    page.wait_for_selector("#badge:not([hidden])")
    info: dict[str, Any] = page.evaluate("window.pocketmoji.info()")
    return info


def answer(page: Any) -> str:
    raw: str = page.evaluate("window.pocketmoji.answer('what a fun party').then(found => found[0].raw)")
    return raw


def test_second_visit_comes_from_this_device_and_works_offline(new_page: Open, own_server: Server) -> None:
    page = new_page(own_server.url)
    first = wait_until_ready(page)
    assert (first["kept"], first["from_store"]) == ("kept", False)
    raw = answer(page)
    page.evaluate("navigator.serviceWorker.ready.then(() => 1)")
    page.reload()  # what was loaded before the service worker ruled is kept now
    assert wait_until_ready(page)["from_store"] is True
    page.context.set_offline(True)
    own_server.shutdown()
    own_server.socket.close()  # not even a server that the browser could have reached all the same
    page.reload()
    assert wait_until_ready(page)["from_store"] is True
    assert answer(page) == raw


def test_model_that_was_exported_anew_is_not_taken_from_the_store(new_page: Open, own_server: Server) -> None:
    page = new_page(own_server.url)
    wait_until_ready(page)
    os.utime(own_server.models["model"] / "onnx/model.onnx")
    page.reload()
    assert wait_until_ready(page)["from_store"] is False


def test_threads_on_a_host_that_sends_no_headers(new_page: Open, own_server: Server) -> None:
    own_server.headers = {}
    page = new_page(own_server.url)
    info = wait_until_ready(page)
    assert info["cross_origin_isolated"] and info["threads"] >= 1


def test_broken_download_goes_on_where_it_broke(new_page: Open, own_server: Server, monkeypatch: Any) -> None:
    ranges: list[str] = []
    real = Handler.copyfile

    def copyfile(self: Handler, source: Any, output: Any) -> None:
        if "Range" in self.headers:
            ranges.append(self.headers["Range"])
            if len(ranges) == 1:
                output.write(source.read(100_000))
                output.flush()
                time.sleep(1)  # on a busy machine the page has else not read it when the connection breaks
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_WR)  # what was written still arrives
                return
        real(self, source, output)

    monkeypatch.setattr(Handler, "copyfile", copyfile)
    page = new_page(own_server.url)
    assert wait_until_ready(page)["kept"] == "kept"
    assert ranges[0].startswith("bytes=0-") and 0 < int(ranges[1].split("=")[1].split("-")[0]) <= 100_000


def test_storage_that_is_full(new_page: Open, own_server: Server) -> None:
    page = new_page(own_server.url + "?load=manual")
    session = page.context.new_cdp_session(page)
    session.send("Storage.overrideQuotaForOrigin", {"origin": own_server.url.rstrip("/"), "quotaSize": 100_000})
    load = "window.pocketmoji.load({model: 'model', engine: 'transformers.js', device: 'wasm', keep: true})"
    assert page.evaluate(load)["kept"] == "storage full"
    assert "storage is full" in page.inner_text("#notice")
    assert answer(page)


def test_half_a_file_is_named(new_page: Open, own_server: Server) -> None:
    from pocketmoji.core.workspace import read_json, write_json

    folder = own_server.models["model"]
    size = (folder / "onnx/model.onnx").stat().st_size
    write_json(folder / "pocketmoji.json", read_json(folder / "pocketmoji.json") | {"bytes": {"onnx/model.onnx": size}})
    os.truncate(folder / "onnx/model.onnx", size // 2)
    page = new_page(own_server.url)
    page.wait_for_selector("#problem:not([hidden])")
    assert page.inner_text("#problem-title") == "The model file cannot be read"
    assert f"{size // 2} bytes, {size} were exported" in page.text_content("#problem-detail")
