"""evaluation.html: whole, safe, without a network, and usable by keyboard in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pocketmoji.evaluate.gates.gate_rules import Outcome
from pocketmoji.evaluate.reports.evaluation_page import points, write_page
from pocketmoji.evaluate.run import Evaluation
from pocketmoji.evaluate.statistics.confusions import confusions
from tests.evaluate.made_evaluation import make_evaluation
from tests.pocketmoji.test_report import Page

if TYPE_CHECKING:
    from playwright.sync_api import Page as BrowserPage


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evaluation, Path]:
    folder = tmp_path_factory.mktemp("page")
    evaluation = make_evaluation(folder)
    gate = {"runtime": "tuned", "metric": "f1", "value": 0.8, "low": 0.7, "high": 0.9, "limit": 0.9}
    failed = Outcome.model_validate(gate | {"gate": "f1>=0.9", "passed": False, "missed_by": 0.1, "says": "misses it"})
    evaluation.gates = [failed, failed.model_copy(update={"passed": True, "value": None, "limit": None, "says": ""})]
    return evaluation, write_page(evaluation, folder)


def test_the_page_is_whole_and_safe(made: tuple[Evaluation, Path]) -> None:
    evaluation, path = made
    html = path.read_text("utf-8")
    page = Page(html)
    assert len(page.ids) == len(set(page.ids))
    assert all(address.removeprefix("#") in page.ids for address in page.addresses)
    assert not re.search(r"https?://|@import|url\(|innerHTML", html)
    assert "<b>no emoji" not in html and html.count("</script>") == 2
    assert "1 of 2 gates failed" in html and "misses it" in html
    assert "no difference seen; the smallest that could have been" in html
    data = json.loads(html.split('id="data">')[1].split("</script>")[0])
    assert len(data["texts"]) == len(evaluation.texts) and len(data["answers"]) == 3


def test_confusions_name_whose_emoji_it_is(made: tuple[Evaluation, Path]) -> None:
    evaluation, _ = made
    found = confusions(evaluation.texts, evaluation.predictions["web-q4"])
    assert sum(one.count for one in found) >= 20 and found[0].count >= found[-1].count
    own = {text.seed_id: text.emoji for text in evaluation.texts}
    assert all(one.wanted != one.said and own[one.said] == one.emoji_said for one in found)


def test_points() -> None:
    assert [points(value) for value in (0.0321, -0.004, 0.0001, -1)] == ["+3.2", "−0.4", "0", "−100.0"]


@pytest.fixture
def page(made: tuple[Evaluation, Path]) -> Iterator[BrowserPage]:
    from pocketmoji.browser_tests.engines.chromium import launch

    with launch(webgpu="off") as browser:
        page = browser.new_page()
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.append(request.url) if request.url[:5] != "file:" else None)
        page.goto(made[1].as_uri())
        yield page
        assert problems == []


@pytest.mark.browser
def test_searching_and_filtering_by_keyboard(made: tuple[Evaluation, Path], page: BrowserPage) -> None:
    from playwright.sync_api import expect  # not wait_for_function: the page's policy forbids it to poll

    evaluation, _ = made
    total = len(evaluation.texts)
    assert page.locator("#count").inner_text() == f"{total} of {total} texts"
    assert page.locator("#samples tr").count() == min(total, 100)
    page.keyboard.press("/")
    page.keyboard.type("no emoji")
    expect(page.locator("#count")).to_have_text(re.compile(r"^2 of"))
    assert page.locator("#samples .answer-not").count() == 2
    assert "</script><b>no emoji</b>" in page.locator("#samples").inner_text()
    page.fill("#search", "")
    page.select_option("#verdict", "differs")
    tuned, web = evaluation.predictions["tuned"], evaluation.predictions["web-q4"]
    differing = sum(a.raw != b.raw for a, b in zip(tuned, web, strict=True))
    expect(page.locator("#count")).to_have_text(re.compile(rf"^{differing} of"))
    page.select_option("#verdict", "")
    page.locator("#heat button").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#samples tr").count() in (1, 2)
    page.locator("#only-seed").focus()
    page.keyboard.press("Enter")
    assert page.locator("#count").inner_text().startswith(f"{total} of")
    for width in (390, 1100):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
