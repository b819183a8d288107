"""The result of a browser test, as browser.json has it."""

from __future__ import annotations

from pydantic import Field

from pocketmoji.browser_tests.checks.findings import Finding, Status
from pocketmoji.browser_tests.engines.chromium import AdapterInfo
from pocketmoji.browser_tests.engines.logits import Comparison
from pocketmoji.browser_tests.engines.runtimes import GpuWork
from pocketmoji.core.records import EngineTiming, GateResult, Interval, Record, Scores


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
    explained: int = 0
    """Differences that went away when Python did not round activations to 8 bits; they are in no other figure."""
    logits: Comparison | None = None
    memory_mb: float | None = None
    """Peak resident memory of the page's process."""
    page_memory_mb: float | None = None
    """What the page itself says it holds; None where the browser has not told it in time."""
    gpu_work: GpuWork | None = None
    """What a further token takes of the GPU; None where none computes, or no answer has a further token."""
    intervals: dict[str, Interval] = Field(default_factory=dict)


class BrowserReport(Record):
    chromium: str
    engines: dict[str, EngineResult]
    screenshots: list[str]
    of_texts: int = 0
    """How many texts the evaluation has; an engine that answered fewer answered a sample."""
    findings: list[Finding] = Field(default_factory=list)
    gates: list[GateResult] = Field(default_factory=list)

    @property
    def passed(self) -> bool:
        """True if nothing failed. What is not verifiable here has not passed, but has not failed either."""
        statuses = [*(e.status for e in self.engines.values()), *(f.status for f in self.findings)]
        return "failed" not in statuses and all(gate.passed for gate in self.gates)
