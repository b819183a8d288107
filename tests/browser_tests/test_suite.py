"""`pocketmoji browser-test` as a command: a clean run with all its outputs, gates, bad input, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pocketmoji.browser_tests.checks.gates import judge, parse_gates
from pocketmoji.browser_tests.checks.in_turn import judge_latency
from pocketmoji.browser_tests.suite import SAMPLE, sample
from pocketmoji.cli import main
from pocketmoji.core.errors import InputError
from pocketmoji.core.records import EvaluationText, Interval

Folders = tuple[Path, Path]
ONLY_WASM = ["--webgpu-texts", "0", "--mediapipe-texts", "0"]


@pytest.mark.browser
def test_clean_run(taught: Folders, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    web, evaluation = map(str, taught)
    gates = ["--gate", "compliance>=0.99", "--gate", "seed_recall>=100%", "--gate", "logit_distance<=0.01"]
    out = tmp_path / "out"
    code = main(["browser-test", web, evaluation, "--out", str(out), "--baseline", web, *gates, *ONLY_WASM, "--json"])
    said = capsys.readouterr()
    assert code == 0, said.err
    report = json.loads(said.out)
    for name in ("pocketmoji/wasm", "transformers.js/wasm"):
        engine = report["engines"][name]
        assert engine["parity"] == 1 and engine["logits"]["largest_distance"] < 0.01 and engine["memory_mb"] > 10
    checks = {finding["check"]: finding for finding in report["findings"]}
    assert {finding["status"] for finding in checks.values()} == {"passed"} and len(checks) == 15
    assert checks["latency against the baseline"]["measured"].keys() >= {"ttft_ratio", "token_ratio"}
    assert len(report["gates"]) == 2 * 3 and all(gate["passed"] for gate in report["gates"])
    names = [suite.get("name") for suite in ElementTree.parse(out / "junit.xml").getroot()]
    assert names[-2:] == ["findings", "gates"]
    assert "nothing failed" in (out / "summary.md").read_text("utf-8")
    assert "no request leaves the origin" in (out / "browser.html").read_text("utf-8")
    assert not (out / "evidence").exists()


def test_a_sample_reaches_from_the_first_texts_to_the_last() -> None:
    texts = [EvaluationText(text=str(i), emoji="🎉", seed_id=str(i), group="seed") for i in range(117)]
    numbers = [int(text.text) for text in sample(texts)]
    steps = {after - before for before, after in pairwise(numbers)}
    assert len(numbers) == SAMPLE and numbers[0] == 0 and numbers[-1] > 112 and steps == {3, 4}
    assert list(sample(texts[:SAMPLE])) == texts[:SAMPLE] and list(sample(texts[:2])) == texts[:2]


def test_gate_rules() -> None:
    measured = {"transformers.js/wasm": {"compliance": 0.9, "ttft_ratio": 1.1}, "mediapipe/webgpu": {"compliance": 1.0}}
    engines = list(measured)
    judged = lambda *given: [g.passed for g in judge(parse_gates(given, engines), measured)]
    assert judged("compliance >= 95%") == [False, True]
    assert judged("compliance@mediapipe/webgpu>=0.95") == [True]
    assert judged("ttft_ratio<=1.2", "ttft_ratio<=1.05") == [True, False]
    with pytest.raises(InputError, match="nothing measured it"):
        judged("token_ratio<=1.2")
    for wrong in ("compliance", "speed>=1", "compliance@safari>=1", "compliance>=1.2.3"):
        with pytest.raises(InputError):
            judged(wrong)


def test_latency_fails_only_where_the_whole_interval_is_beyond() -> None:
    ratio = lambda low, value, high, n=12: {"ttft_ratio": Interval(value=value, low=low, high=high, n=n)}
    assert judge_latency(ratio(1.9, 2.0, 2.2)).status == "failed"
    assert judge_latency(ratio(1.1, 2.0, 4.0)).status == "passed"  # noise
    assert judge_latency(ratio(1.9, 2.0, 2.2, n=3)).status == "passed"  # too few to tell


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["no/web", "EVALUATION"], "holds no model"),
        (["WEB", "no/evaluation"], "no evaluation texts"),
        (["WEB", "EVALUATION", "--gate", "speed>=1"], "--gate is 'speed>=1'"),
        (["WEB", "EVALUATION", "--baseline", "no/web"], "holds no model"),
        (["WEB", "EVALUATION", "--chromium", "no/chrome"], "is no program"),
    ],
)
def test_bad_input(
    taught: Folders, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], says: str
) -> None:
    names = {"WEB": str(taught[0]), "EVALUATION": str(taught[1])}
    assert main(["browser-test", *(names.get(word, word) for word in given), "--out", str(tmp_path / "out")]) == 2
    assert says in capsys.readouterr().err


def marked(mark: str) -> list[int]:
    """Processes whose environment has the mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.browser
@pytest.mark.skipif(not Path("/proc/self/environ").is_file(), reason="needs /proc to see whose a process is")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, None)])
def test_no_browser_is_left_behind(taught: Folders, tmp_path: Path, number: signal.Signals, code: int | None) -> None:
    mark = uuid.uuid4().hex
    command = ["browser-test", *map(str, taught), "--out", str(tmp_path / "out"), *ONLY_WASM]
    process = subprocess.Popen(
        [sys.executable, "-m", "pocketmoji", *command],
        env=os.environ | {"POCKETMOJI_TEST_MARK": mark},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for _ in range(1200):  # until a browser is there
        if process.poll() is not None or any(b"--headless" in command_line(pid) for pid in marked(mark)):
            break
        time.sleep(0.05)
    assert process.poll() is None and len(marked(mark)) > 2
    os.kill(process.pid, number)  # to Python alone: a terminal's Ctrl-C reaches the browser by itself
    _, said = process.communicate(timeout=60)
    for _ in range(200):
        if not marked(mark):
            break
        time.sleep(0.05)
    assert marked(mark) == []
    if code is not None:
        assert process.returncode == code and "interrupted" in said, said
