"""What the browser check writes: browser.json and junit.xml."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from pocketmoji.browser_tests.reports.report_pages import markdown, page
from pocketmoji.browser_tests.reports.result import BrowserReport, EngineResult
from pocketmoji.core.workspace import write_bytes, write_json, write_text


def write_report(report: BrowserReport, folder: Path) -> None:
    """browser.json for programs, junit.xml for CI, summary.md for a pull request, browser.html for people."""
    write_json(folder / "browser.json", report.model_dump(mode="json"))
    write_bytes(folder / "junit.xml", junit(report))
    write_text(folder / "summary.md", markdown(report))
    write_text(folder / "browser.html", page(report))


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
    _other_suite(root, "findings", [(f.check, f.status, f.reason, f.needs) for f in report.findings])
    told = [
        (f"{g.gate} {g.limit:g}", "passed" if g.passed else "failed", f"measured {g.value:.6g}", None)
        for g in report.gates
    ]
    _other_suite(root, "gates", told)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _other_suite(
    root: ElementTree.Element, name: str, cases: Sequence[tuple[str, str, str | None, str | None]]
) -> None:
    """(case, status, reason, needs) each."""
    if not cases:
        return
    statuses = [status for _, status, _, _ in cases]
    counts = {
        "tests": len(cases),
        "failures": statuses.count("failed"),
        "skipped": statuses.count("not verifiable here"),
    }
    suite = ElementTree.SubElement(root, "testsuite", {"name": name} | {key: str(n) for key, n in counts.items()})
    for title, status, reason, needs in cases:
        case = ElementTree.SubElement(suite, "testcase", classname=f"browser.{name}", name=title)
        if status == "failed":
            ElementTree.SubElement(case, "failure", message=_printable(reason or ""))
        elif status != "passed":
            ElementTree.SubElement(case, "skipped", message=_printable(f"not verifiable here: {reason}; needs {needs}"))


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
