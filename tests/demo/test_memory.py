"""The page answers a person from the list beside the model, offline too; who asks it for raw answers gets the model's."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.browser_tests.app.server import Server, running
from pocketmoji.core.text.memory import write_memory
from pocketmoji.core.workspace import digest_file, read_json, write_json
from tests.demo.test_page import ask

pytestmark = pytest.mark.browser
Open = Callable[..., Any]


@pytest.fixture
def own_server(tiny_web: Path, tmp_path: Path) -> Iterator[Server]:
    """The tiny model with a list beside it."""
    web = shutil.copytree(tiny_web, tmp_path / "web")
    file = write_memory(web, [("what a fun party", "🎉🥳"), ("my cat is asleep", "🐈💤")])
    card = read_json(web / "pocketmoji.json")
    write_json(web / "pocketmoji.json", card | {"memory": {"file": file.name, "sha256": digest_file(file)}})
    with running({"model": web}) as started:
        yield started


def raw(page: Any, options: str = "") -> list[str]:
    found: list[str] = page.evaluate(
        f"window.pocketmoji.answer('what a fun party!', {{{options}}}).then(found => found.map(one => one.raw))"
    )
    return found


def test_a_person_is_answered_from_the_list_and_a_test_is_not(new_page: Open, own_server: Server) -> None:
    page = new_page(own_server.url)
    answers = ask(page, "what a fun party!")
    assert answers[0] == "🎉🥳" and len(answers) == len(set(answers)) == 3
    assert page.inner_text(".note >> nth=0") == "from your list"
    assert "from your list" not in page.inner_text("#candidates li >> nth=1")
    assert "token" in page.inner_text("#timing")  # what the model took
    alone = raw(page)
    assert answers[1] == alone[0] != "🎉🥳"
    assert raw(page, "memory: true") == ["🎉🥳"]
    assert "from your list" not in (ask(page, "qqq"), page.inner_text("#candidates"))[1]
    page.evaluate("navigator.serviceWorker.ready.then(() => 1)")
    page.reload()  # what was loaded before the service worker ruled is kept now
    page.wait_for_selector("#badge:not([hidden])")
    page.context.set_offline(True)
    own_server.shutdown()
    own_server.socket.close()
    page.reload()
    assert ask(page, "what a fun party!")[0] == "🎉🥳"


def test_a_list_of_another_export_is_refused(new_page: Open, own_server: Server) -> None:
    write_memory(own_server.models["model"], [("what a fun party", "🎈")])
    page = new_page(own_server.url)
    page.wait_for_selector("#problem:not([hidden])")
    assert "memory.json does not load: it is not the file that was exported" in page.text_content("#problem-detail")
