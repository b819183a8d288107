"""The browser test's result for people: Markdown for a pull request, and a page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from pocketmoji.browser_tests.reports.result import BrowserReport, EngineResult
from pocketmoji.core.formats import percent

MARKS = {"passed": "✅", "failed": "❌", "not verifiable here": "➖"}
Row = Sequence[str]
SCORES = {
    "other_words_recall": "other words",
    "everyday_acceptable": "everyday",
    "typed_recall": "as typed",
    "compliance": "emoji only",
    "seed_recall": "phrases",
    "paraphrase_recall": "paraphrases",
}


def verdict(report: BrowserReport) -> str:
    statuses = [*(e.status for e in report.engines.values()), *(f.status for f in report.findings)]
    failed = statuses.count("failed") + sum(not gate.passed for gate in report.gates)
    open_ = statuses.count("not verifiable here")
    said = f"{failed} failed" if failed else "nothing failed"
    return f"{said}, {statuses.count('passed')} passed" + (f", {open_} not verifiable here" if open_ else "")


def tables(report: BrowserReport) -> list[tuple[str, Row, list[Row]]]:
    """(title, head, rows) of each table; a row begins with its status."""
    head = (
        "",
        "engine",
        "artefact",
        "adapter",
        "texts",
        "as in Python",
        "compliance",
        "first token",
        "tokens/s",
        "memory",
        "of the GPU, per token",
        "why",
    )
    matrix = [_engine_row(engine, report.of_texts) for engine in report.engines.values()]
    findings = [(f.status, f.check, f.reason or _figures(f.measured), f.needs or "") for f in report.findings]
    gates = [("passed" if g.passed else "failed", g.gate, f"{g.limit:g}", f"{g.value:.4g}") for g in report.gates]
    scored = [_scores_row(engine) for engine in report.engines.values() if engine.scores]
    found: list[tuple[str, Row, list[Row]]] = []
    if scored:
        found.append(("What people type", ("", "engine", "texts", *SCORES.values()), scored))
    found.append(("Engines", head, matrix))
    if findings:
        found.append(("Checks", ("", "check", "finding", "needs"), list(findings)))
    if gates:
        found.append(("Gates", ("", "gate", "limit", "measured"), list(gates)))
    return found


def _scores_row(engine: EngineResult) -> Row:
    found = [getattr(engine.scores, metric) for metric in SCORES]
    shown = ["–" if one is None else f"{percent(one.value)} of {one.n}" for one in found]
    return (engine.status, engine.engine, str(engine.texts), *shown)


def _engine_row(engine: EngineResult, of_texts: int) -> Row:
    name = engine.timing.adapter if engine.timing else engine.adapter.name if engine.adapter else "–"
    first = speed = "–"
    if "ttft_ms_p50" in engine.intervals:
        p50, p95 = engine.intervals["ttft_ms_p50"], engine.intervals["ttft_ms_p95"]
        first = (
            f"{p50.value / 1000:.2f} s ({p50.low / 1000:.2f} to {p50.high / 1000:.2f}), p95 {p95.value / 1000:.2f} s"
        )
    if "tokens_per_s_p50" in engine.intervals:
        p50 = engine.intervals["tokens_per_s_p50"]
        speed = f"{p50.value:.2f} ({p50.low:.2f} to {p50.high:.2f})"
    why = engine.reason or ""
    if engine.logits and not engine.reason:
        why = f"logits at most {engine.logits.largest_distance:.2g} from Python's"
    if engine.explained:
        why += f"; {engine.explained} further differences are Python's own rounding of activations"
    return (
        engine.status,
        engine.engine,
        engine.artefact,
        name,
        f"{engine.texts} of {of_texts}" if engine.texts < of_texts else str(engine.texts),
        "–" if engine.parity is None else f"{engine.parity:.1%}",
        "–" if engine.scores is None else f"{engine.scores.compliance.value:.1%}",
        first,
        speed,
        _memory(engine),
        _gpu_work(engine),
        why + (f"; needs {engine.needs}" if engine.needs else ""),
    )


def _memory(engine: EngineResult) -> str:
    if engine.memory_mb is None:
        return "–"
    inside = "" if engine.page_memory_mb is None else f" ({engine.page_memory_mb:.0f} in the page)"
    return f"{engine.memory_mb:.0f} MB{inside}"


def _gpu_work(engine: EngineResult) -> str:
    work = engine.gpu_work
    return "–" if work is None else f"{work.dispatches:.0f} dispatches, {work.bytes_read:,.0f} bytes read back"


def _figures(measured: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in measured.items())


def markdown(report: BrowserReport) -> str:
    """A summary that fits a pull request's comment."""
    lines = [f"### Browser test: {verdict(report)}", "", f"Chromium {report.chromium or '(did not start)'}", ""]
    for title, head, rows in tables(report):
        lines += [f"**{title}**", "", _line(head), _line(["---"] * len(head))]
        lines += [_line([MARKS[row[0]], *row[1:]]) for row in rows] + [""]
    for engine in report.engines.values():
        if engine.differences:
            lines += [f"<details><summary>{engine.engine}: other answers than Python's</summary>", ""]
            lines += [_line(("text", "browser", "Python")), _line(["---"] * 3)]
            lines += [_line((d.text, d.browser, d.python)) for d in engine.differences[:20]] + ["", "</details>", ""]
    return "\n".join(lines)


def _line(cells: Row) -> str:
    clean = (cell.replace("|", "\\|").replace("\n", " ").replace("\r", " ").replace("<", "&lt;") for cell in cells)
    return "| " + " | ".join(clean) + " |"


STYLE = """
:root { color-scheme: light dark; font: 16px/1.45 system-ui, sans-serif, 'Noto Color Emoji'; }
body { max-width: 75rem; margin: 2rem auto; padding: 0 1rem; background: light-dark(#fbf6ea, #1c1a17);
  color: light-dark(#26221b, #f4eee1); }
div { overflow-x: auto; } table { border-collapse: collapse; margin: .5rem 0 2rem; font-size: .9rem; }
th, td { padding: .45rem .7rem; border-bottom: 1px solid light-dark(#e6dcc6, #423c31); text-align: left;
  vertical-align: top; }
.failed { color: light-dark(#a5341c, #ff9d80); } .passed { color: light-dark(#1d6b3f, #7fdca6); }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8rem; } img { max-width: 100%; }
@media (max-width: 40rem) {
  thead { position: absolute; left: -999rem; }
  table { width: 100%; }
  tbody tr { display: block; padding: .5rem 0; border-bottom: 1px solid light-dark(#e6dcc6, #423c31); }
  td { display: grid; grid-template-columns: 7.5rem minmax(0, 1fr); border: 0; padding: .1rem 0;
    overflow-wrap: anywhere; }
  td::before { content: attr(data-label); opacity: .75; }
  td:empty { display: none; }
}
"""


def page(report: BrowserReport) -> str:
    """A page of its own, without scripts; screenshots are files beside it."""
    out = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>Browser test: {escape(verdict(report))}</title><style>{STYLE}</style>",
        f"<main><h1>Browser test: {escape(verdict(report))}</h1>",
        f"<p>Chromium {escape(report.chromium or 'did not start')}.",
        "Software adapters compute rightly and slowly: their times say nothing of a GPU.</p>",
    ]
    for title, (_, *head), rows in tables(report):
        out += _table(title, ("status", *head), [(f"{MARKS[status]} {status}", *row) for status, *row in rows])
    for engine in report.engines.values():
        if engine.differences:
            differences = [(d.text, d.browser, d.python) for d in engine.differences]
            out += _table(f"{engine.engine}: other answers than Python's", ("text", "browser", "Python"), differences)
        if engine.console and engine.status != "passed":
            log = escape("\n".join(engine.console[-30:]))
            out.append(f"<h2>{escape(engine.engine)}: console</h2><pre tabindex=0>{log}</pre>")
    for name in report.screenshots:
        out.append(f"<p><img src='{escape(name)}' alt='the page with its answers'></p>")
    return "\n".join([*out, "</main></html>\n"])


def _table(title: str, head: Row, rows: Sequence[Row]) -> list[str]:
    """A heading and a table; on a phone each row is a list of labelled cells, empty ones left out."""
    cells = "".join(f"<th scope=col>{escape(cell)}</th>" for cell in head)
    out = [f"<h2>{escape(title)}</h2><div tabindex=0 role=group aria-label='{escape(title)}'><table>"]
    out.append(f"<thead><tr>{cells}</tr></thead><tbody>")
    for row in rows:
        labelled = (
            f"<td data-label='{escape(label)}'{_colour(cell)}>{escape(cell)}</td>"
            for label, cell in zip(head, row, strict=True)
        )
        out.append(f"<tr>{''.join(labelled)}</tr>")
    return [*out, "</tbody></table></div>"]


def _colour(cell: str) -> str:
    found = next((status for status, mark in MARKS.items() if cell == f"{mark} {status}"), "")
    return f" class='{found.split()[0]}'" if found else ""
