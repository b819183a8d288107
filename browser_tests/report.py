"""What the browser check writes: browser.json and junit.xml."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

from browser_tests.chromium import AdapterInfo
from pocketmoji.records import EngineTiming, Record, Scores
from pocketmoji.workspace import write_bytes, write_json

Status = Literal["passed", "failed", "not verifiable here"]


class Difference(Record):
    """A text that the browser answered otherwise than Python did with the same artefact."""

    text: str
    browser: str
    python: str


class EngineResult(Record):
    """One engine on one artefact. `reason` and `needs` (the machine it takes) are there unless it passed."""

    engine: str
    artefact: str
    status: Status
    reason: str | None
    needs: str | None
    texts: int
    adapter: AdapterInfo | None
    scores: Scores | None
    timing: EngineTiming | None
    parity: float | None
    """Share of texts with the same answer as in Python; None without a reference."""
    differences: list[Difference]
    console: list[str]


class BrowserReport(Record):
    chromium: str
    engines: dict[str, EngineResult]
    screenshots: list[str]

    @property
    def passed(self) -> bool:
        """True if nothing failed. What is not verifiable here has not passed, but has not failed either."""
        return all(engine.status != "failed" for engine in self.engines.values())


def write_report(report: BrowserReport, folder: Path) -> None:
    """browser.json for programs, junit.xml for CI."""
    write_json(folder / "browser.json", report.model_dump(mode="json"))
    write_bytes(folder / "junit.xml", junit(report))


def junit(report: BrowserReport) -> bytes:
    """One suite per engine with two cases: that it answers, and that it answers as Python does."""
    root = ElementTree.Element("testsuites", name="pocketmoji browser tests")
    for engine in report.engines.values():
        suite = ElementTree.SubElement(root, "testsuite", name=f"{engine.engine} {engine.artefact}")
        counts = {"tests": 0, "failures": 0, "skipped": 0}
        answered = engine.scores is not None
        _case(suite, counts, engine, f"answers {engine.texts} texts", failed=not answered)
        if answered and engine.parity is not None:
            _case(suite, counts, engine, "answers as Python does", failed=True)
        for name, count in counts.items():
            suite.set(name, str(count))
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _case(suite: ElementTree.Element, counts: dict[str, int], engine: EngineResult, name: str, failed: bool) -> None:
    """A test case; `failed` says that it is this one which a failure of the engine is about."""
    seconds = engine.timing.load_s if engine.timing else 0
    case = ElementTree.SubElement(
        suite, "testcase", classname=f"browser.{engine.engine.replace('/', '.')}", name=name, time=f"{seconds:.3f}"
    )
    counts["tests"] += 1
    reason = _printable(engine.reason or "")
    if engine.status == "not verifiable here":
        counts["skipped"] += 1
        needs = f"; needs {engine.needs}" if engine.needs else ""
        ElementTree.SubElement(case, "skipped", message=f"not verifiable here: {reason}{needs}")
    elif engine.status == "failed" and failed:
        counts["failures"] += 1
        failure = ElementTree.SubElement(case, "failure", message=reason.split("\n", 1)[0])
        lines = [f"{d.text!r}: browser {d.browser!r}, Python {d.python!r}" for d in engine.differences]
        failure.text = _printable("\n".join([reason, *lines, *engine.console[-20:]]))


def _printable(text: str) -> str:
    """`text` without what XML 1.0 cannot hold: a model's babble may have control characters."""
    return "".join(c if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff") else "\ufffd" for c in text)
