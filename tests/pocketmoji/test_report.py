"""The page renders with everything, with nothing, and with any one piece missing; it needs no network."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pocketmoji.core.formats import duration, human_bytes, percent
from pocketmoji.core.workspace import read_json
from pocketmoji.report.charts import fidelity_chart, loss_chart, nice_ticks
from pocketmoji.report.page import write_report
from pocketmoji.report.summary import same_texts, write_scores
from tests.evaluate.fake_run import make_fake_run

VOID = {"meta", "img", "br", "link", "input", "circle", "line", "polyline"}


class Page(HTMLParser):
    """Checks that tags are closed in order; collects addresses and ids."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.addresses += [str(found[name]) for name in ("href", "src") if name in found]
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_fake_run(tmp_path_factory.mktemp("run") / "personal")


def test_a_whole_run(run: Path) -> None:
    path = write_report(run)
    html = path.read_text("utf-8")
    page = Page(html)
    assert path == run / "report.html"
    assert "not run" not in html
    assert len(page.ids) == len(set(page.ids))
    for address in page.addresses:
        assert address.startswith("data:image/png;base64,") or address.removeprefix("#") in page.ids, address
    assert not re.search(r"https?://|@import|url\(|<script", html)
    assert "&lt;b&gt;emoji&lt;/b&gt;" in html and "<b>emoji" not in html
    for wanted in (
        "not verifiable here",
        "pocketmoji run --seeds",
        "onnx_q8",
        "1 of 3 gates failed",
        "to do: if seed recall is high, more --paraphrases",
        "malformed ZWJ",
        "88 MB: score kept 79.0%",
    ):
        assert wanted in html
    failed = (run / "evaluation" / "base.failures.jsonl").read_text("utf-8").count("\n")
    assert f"base: {failed} of" in html


def test_it_leads_with_what_people_type_and_the_look_ups_beside_it(run: Path) -> None:
    html = write_report(run).read_text("utf-8")
    assert html.index("Other words") < html.index("Everyday") < html.index("As typed") < html.index("Seed recall")
    tiles = html[html.index('class="tiles"') : html.index('id="examples"')]
    assert tiles.count("look-up") == 3 and tiles.index("everyday") < tiles.index("compliance")
    assert "as people type it: " in html and "everyday phrase" in html and "xylophones number 0" in html
    assert "at most 25% of their content words" in html and html.count("look-up, no model") == 2


def test_the_scores_in_one_table_for_a_readme(run: Path) -> None:
    summary = read_json(run / "summary.json")
    write_scores(run, summary)
    head, _, *rows = (run / "scores.md").read_text("utf-8").splitlines()
    assert head.startswith(
        "| what | texts | other words, exact | other words, an emoji in common | everyday, acceptable |"
    )
    assert [row.split(" | ")[0] for row in rows[:4]] == [
        "| *nearest-neighbour* (look-up)",
        "| *cldr-keywords* (look-up)",
        "| base",
        "| tuned",
    ]
    assert rows[3].endswith("| – |")  # its parity would be with the base


def test_the_tuned_model_on_the_texts_that_the_browser_answered(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "run")
    path = copy / "browser" / "transformers.js-wasm.predictions.jsonl"
    few = path.read_text("utf-8").splitlines()[:50]
    path.write_text("\n".join(few) + "\n", "utf-8")
    found = same_texts(copy, "transformers.js/wasm")
    assert found["tuned"]["n"] == found["texts"]["compliance"] == 50
    assert 10 <= found["texts"]["everyday_acceptable"] < 30
    path.unlink()
    assert same_texts(copy, "transformers.js/wasm") == {}


def test_size_against_fidelity() -> None:
    points = {"big": (2e8, 1.0, 0.0), "small": (1e8, 0.5, 0.1)}
    chart = fidelity_chart(points, 0.01)
    Page(chart)
    for wanted in (
        "small, 100 MB: same answers 50.0%",
        "small, 100 MB: score kept 90.0%",
        "big, 200 MB: score kept 100.0%",
    ):
        assert wanted in chart
    assert "nan" not in chart and chart.count("<circle") == 4
    assert fidelity_chart({"big": points["big"]}, 0.01) == ""  # nothing to compare


def test_an_empty_folder(tmp_path: Path) -> None:
    html = write_report(tmp_path).read_text("utf-8")
    Page(html)
    assert html.count("not run.") >= 8


PIECES = ["summary.json", "dataset", "model", "export", "browser", "evaluation", "evaluation/base.scores.json"]
PIECES += ["dataset/statistics.json", "evaluation/tuned.failures.jsonl", "browser/browser.json", "model/manifest.json"]


@pytest.mark.parametrize("piece", PIECES)
def test_without_a_piece(run: Path, tmp_path: Path, piece: str) -> None:
    copy = shutil.copytree(run, tmp_path / "run")
    target = copy / piece
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink()
    Page(write_report(copy).read_text("utf-8"))


def test_training_with_few_keys(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "training.json").write_text(
        '{"loss": [{"step": 1, "loss": 2.0}], "vocabulary": {"kept": 5, "full": 9}}'
    )
    html = write_report(tmp_path).read_text("utf-8")
    Page(html)
    assert "<svg" in html and "9 → 5" in html


def test_figures() -> None:
    assert [percent(v) for v in (1.0, 0.0, 0.9999, 0.0001, 0.975)] == ["100%", "0%", "99.9%", "0.1%", "97.5%"]
    assert [human_bytes(v) for v in (12, 1_800_000, 136_000_000, 3.1e9)] == ["12 bytes", "1.8 MB", "136 MB", "3.1 GB"]
    assert [duration(v) for v in (0.31, 45, 410, 7300)] == ["0.3 s", "45 s", "6 min 50 s", "2 h 1 min"]


@pytest.mark.parametrize("top", [0.003, 0.9, 1.0, 2.7, 9.99, 10, 11, 340])
def test_ticks_reach_the_top_in_few_steps(top: float) -> None:
    ticks = nice_ticks(top)
    assert ticks[0] == 0 and ticks[-1] >= top * 0.999 and 3 <= len(ticks) <= 6


def test_no_points_no_chart() -> None:
    assert loss_chart({"training": []}) == ""
