"""What became of the gates: a table for the terminal, Markdown for a pull request, JUnit for CI."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from pocketmoji.core.workspace import write_bytes, write_text
from pocketmoji.evaluate.gates.gate_rules import Outcome


def write_gates(outcomes: Sequence[Outcome], folder: Path) -> None:
    """gates.md and gates.xml (JUnit) in `folder`."""
    write_text(folder / "gates.md", markdown(outcomes))
    write_bytes(folder / "gates.xml", junit(outcomes))


def rows(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """A row per outcome: verdict, gate, runtime, value with its interval, limit, remark."""
    found: list[tuple[str, ...]] = []
    for one in outcomes:
        value = "–" if one.value is None else f"{one.value:.1%} ({one.low:.1%} to {one.high:.1%})"
        limit = "–" if one.limit is None else f"{one.limit:.1%}"
        found.append(("passed" if one.passed else "FAILED", one.gate, one.runtime, value, limit, one.says))
    return found


HEAD = ("", "gate", "runtime", "measured", "limit", "")


def table(outcomes: Sequence[Outcome]) -> str:
    """The rows in columns, for a terminal."""
    lines = [HEAD, *rows(outcomes)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]).rstrip()
        for line in lines
    )


def markdown(outcomes: Sequence[Outcome]) -> str:
    """A heading with the verdict and a table."""
    failed = sum(not one.passed for one in outcomes)
    verdict = f"❌ {failed} of {len(outcomes)} gates failed" if failed else f"✅ all {len(outcomes)} gates passed"
    lines = [
        f"### pocketmoji: {verdict}",
        "",
        "| | gate | runtime | measured (95%) | limit | |",
        "|---|---|---|---|---|---|",
    ]
    for mark, gate, *rest in rows(outcomes):
        cells = ["✅" if mark == "passed" else "❌", f"`{gate}`", *rest]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def junit(outcomes: Sequence[Outcome]) -> bytes:
    """One test case per outcome, as CI servers read it."""
    failed = sum(not one.passed for one in outcomes)
    suite = ElementTree.Element("testsuite", name="pocketmoji gates", tests=str(len(outcomes)), failures=str(failed))
    for one, (_, _, _, value, limit, _) in zip(outcomes, rows(outcomes), strict=True):
        case = ElementTree.SubElement(suite, "testcase", classname=f"pocketmoji.{one.runtime}", name=one.gate)
        if one.passed:
            ElementTree.SubElement(case, "system-out").text = f"{value}, limit {limit}. {one.says}".strip()
        else:
            failure = ElementTree.SubElement(case, "failure", message=one.says)
            failure.text = f"{one.metric} of {one.runtime}: {value}, limit {limit}"
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True) + b"\n"
