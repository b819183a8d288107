"""Claim: every planted fault is caught and named by the browser test, and clean runs raise no alarm.

On a tiny Gemma 3 that has learned a few answers, exported in 8 bits; each fault of tests/browser_tests/planted.py
alone, with the unbroken folder as the baseline. One line of JSON at the end; exits 0 whether it holds or not.

    python benchmarks/browser_faults.py [--clean 20] [--only "part of a name"]
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # tests/ is no installed package

from pocketmoji.browser_tests.app.node import build_demo
from pocketmoji.browser_tests.engines.runtimes import Page
from pocketmoji.browser_tests.reports.result import BrowserReport
from pocketmoji.browser_tests.suite import run_suite
from pocketmoji.core.config import BrowserConfig
from tests.browser_tests.planted import PLANTS, Fault
from tests.browser_tests.taught import taught_folders


def failures(report: BrowserReport) -> dict[str, str]:
    """What failed, by check or engine, and why."""
    found = {f.check: f.reason or "" for f in report.findings if f.status == "failed"}
    return found | {name: e.reason or "" for name, e in report.engines.items() if e.status == "failed"}


def run_fault(fault: Fault, good: Path, evaluation: Path, folder: Path) -> dict[str, str]:
    """Plants the fault into a copy of `good` and runs the suite; what failed."""
    web = shutil.copytree(good, folder / "web")
    page = fault.plant(web, Page(), folder)
    config = BrowserConfig(transformers_texts=2, webgpu_texts=int(fault.webgpu), mediapipe_texts=0)
    limit = fault.text_limit_s
    return failures(run_suite(web, evaluation, folder / "out", config, baseline=good, page=page, text_limit_s=limit))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clean", type=int, default=20)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    build_demo()
    missed, alarms, seconds = {}, [], []
    faults = {name: fault for name, fault in PLANTS.items() if options.only in name}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        good, evaluation = taught_folders(folder)
        for name, fault in faults.items():
            (folder / "fault").mkdir()
            try:
                found = run_fault(fault, good, evaluation, folder / "fault")
            except Exception as error:  # a fault that makes the test itself fall is not named
                found = {type(error).__name__: str(error)}
            caught = all(check in found and says in found[check] for check, says in fault.says.items())
            if not caught:
                missed[name] = found
            print(f"{'caught' if caught else 'MISSED'}: {name}", file=sys.stderr)
            for check, reason in found.items():
                print(f"    {check}: {reason.splitlines()[0][:200]}", file=sys.stderr)
            shutil.rmtree(folder / "fault")
        for run in range(options.clean):
            started = time.monotonic()
            config = BrowserConfig(transformers_texts=2, webgpu_texts=1, mediapipe_texts=0)
            report = run_suite(good, evaluation, folder / "clean", config, baseline=good)
            seconds.append(round(time.monotonic() - started, 1))
            found = failures(report)
            print(f"clean run {run + 1}: {'ALARM ' + str(found) if found else 'quiet'}", file=sys.stderr)
            if found:
                alarms.append(found)
            shutil.rmtree(folder / "clean")
    result = {
        "claim": "every planted fault is caught and named, and clean runs raise no alarm",
        "value": len(faults) - len(missed),
        "bar": len(faults),
        "holds": not missed and not alarms,
        "faults": len(faults),
        "missed": missed,
        "clean_runs": options.clean,
        "false_alarms": alarms,
        "seconds_per_clean_run": sorted(seconds)[len(seconds) // 2] if seconds else None,
    }
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
