"""Gates: what they may say, what they find, and the files that tell of them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pocketmoji.core.errors import InputError
from pocketmoji.core.records import EvaluationText, Prediction
from pocketmoji.evaluate.gates.baseline_file import read_baseline, write_baseline
from pocketmoji.evaluate.gates.gate_files import junit, markdown, table
from pocketmoji.evaluate.gates.gate_rules import Outcome, compare_with_baseline, judge_rules, parse_rule
from pocketmoji.evaluate.scoring.measures import measures
from pocketmoji.evaluate.scoring.table import aggregate, score_texts

MEASURES = measures(1, 3)
TEXTS = [
    EvaluationText(text=f"t{i}", emoji="🎉", seed_id=f"s{i}", group="paraphrase" if i % 2 else "seed")
    for i in range(120)
]


def answers(wrong: int) -> list[Prediction]:
    """`wrong` of the paraphrases and as many of the seeds are answered with another emoji."""
    return [
        Prediction(text=t.text, raw="🥳" if i < 2 * wrong else "🎉", tokens=[], stopped=True, seconds=0.0)
        for i, t in enumerate(TEXTS)
    ]


def judge(gates: list[str], now: list[Prediction], before: Path | None = None) -> list[Outcome]:
    rules = [parse_rule(gate, MEASURES, ["tuned"], before is not None) for gate in gates]
    scores = {"tuned": aggregate(TEXTS, score_texts(TEXTS, now, MEASURES), MEASURES)}
    against = {}
    if before:
        against = compare_with_baseline(TEXTS, {"tuned": now}, MEASURES, read_baseline(before), before)
    return judge_rules(rules, scores, MEASURES, against)


def baseline(path: Path, said: list[Prediction], name: str = "tuned") -> Path:
    scores = aggregate(TEXTS, score_texts(TEXTS, said, MEASURES), MEASURES)
    write_baseline(path, TEXTS, {name: said}, {name: scores})
    return path


def test_limits() -> None:
    found = judge(["recall >= 0.9", "seed_recall@tuned>=95%", "compliance>=1", "repetition<=0.1", "f1<0.5"], answers(6))
    assert [one.passed for one in found] == [True, False, True, True, False]
    assert found[1].missed_by == pytest.approx(0.05) and "5.00 points" in found[1].says
    assert found[4].missed_by == pytest.approx(0.4) and found[0].value == 0.9


def test_a_gate_on_nothing_fails() -> None:
    (found,) = judge(["transfer>=0"], answers(0))
    assert not found.passed and found.value is None and "cannot be judged" in found.says
    assert "–" in table([found]) and "–" in markdown([found])


def test_no_worse(tmp_path: Path) -> None:
    before = baseline(tmp_path / "baseline.json", answers(6))
    same, slightly, much = (judge(["recall:no-worse"], answers(n), before)[0] for n in (6, 7, 20))
    assert same.passed and slightly.passed and not much.passed
    assert same.p == 1 and same.detectable is not None and 0.05 < same.detectable < 0.2
    assert much.missed_by == pytest.approx(14 / 60) and "worse than the baseline by 23.33 points" in much.says
    assert judge(["recall:no-worse"], answers(0), before)[0].passed  # better is no worse
    assert judge(["repetition:no-worse"], answers(0), before)[0].passed


def test_many_no_worse_gates_are_corrected_for(tmp_path: Path) -> None:
    before = baseline(tmp_path / "baseline.json", answers(0))
    (alone,) = judge(["recall:no-worse"], answers(5), before)
    assert not alone.passed and alone.p == pytest.approx(1 / 32)
    many = judge(["recall:no-worse", "compliance:no-worse", "stopped:no-worse"], answers(5), before)
    assert many[0].passed and many[0].p == pytest.approx(3 / 32)
    assert alone.detectable is not None and many[0].detectable is not None
    assert alone.detectable < many[0].detectable


@pytest.mark.parametrize(
    ("gate", "told"),
    [
        ("beauty>=0.5", "no metric 'beauty'"),
        ("compliance", "expected"),
        ("compliance>=", "expected"),
        ("compliance>=1.5", "limit 1.5"),
        ("compliance>=0..5", "no number"),
        ("compliance@base>=0.5", "the runtime 'base'"),
        ("recall:no-worse", "--baseline"),
        ("recall:better", "expected"),
    ],
)
def test_wrong_gates(gate: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_rule(gate, MEASURES, ["tuned"], has_baseline=False)


def test_a_baseline_reads_line_by_line_and_comes_back(tmp_path: Path) -> None:
    path = baseline(tmp_path / "baseline.json", answers(6))
    text = path.read_text("utf-8")
    assert '    ["seed", "s0", "t0", "🎉"],\n' in text and '      ["🥳", true],\n' in text
    assert text.count("\n") < 2 * len(TEXTS) + 40 and len(text) < 10_000
    read = read_baseline(path)
    assert read.texts[0] == ("seed", "s0", "t0", "🎉") and read.answers["tuned"][0] == ("🥳", True)
    assert read.scores["tuned"]["seed_recall"].startswith("90.0% (")
    again = baseline(tmp_path / "again.json", answers(6))
    assert again.read_bytes() == path.read_bytes()


def test_a_baseline_of_two_runtimes(tmp_path: Path) -> None:
    path = tmp_path / "two.json"
    scores = aggregate(TEXTS, score_texts(TEXTS, answers(0), MEASURES), MEASURES)
    both = {"onnx": answers(0), "litert": answers(1)}
    write_baseline(path, TEXTS, both, {name: scores for name in both})
    assert list(read_baseline(path).answers) == ["onnx", "litert"]
    with pytest.raises(InputError, match="no runtime 'tuned'"):
        judge(["recall:no-worse"], answers(0), path)


BROKEN = {
    "no JSON": "{",
    "pocketmoji_baseline is None": "{}",
    "pocketmoji_baseline is 'list'": "[]",
    "pocketmoji_baseline is 2": '{"pocketmoji_baseline": 2}',
    "broken at texts": '{"pocketmoji_baseline": 1}',
    "the baseline is empty": '{"pocketmoji_baseline": 1, "texts": [], "scores": {}, "answers": {}}',
    "has 0 answers": '{"pocketmoji_baseline": 1, "texts": [["seed", "", "", ""]], "scores": {}, "answers": {"a": []}}',
}


@pytest.mark.parametrize("told", BROKEN)
def test_broken_baselines(told: str, tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(BROKEN[told], "utf-8")
    with pytest.raises(InputError, match=told):
        read_baseline(path)


def test_a_baseline_of_other_texts(tmp_path: Path) -> None:
    path = baseline(tmp_path / "baseline.json", answers(0))
    found = json.loads(path.read_text("utf-8"))
    for i, row in enumerate(found["texts"]):
        row[2] = f"other {row[2]}" if i > 40 else row[2]
    path.write_text(json.dumps(found), "utf-8")
    with pytest.raises(InputError, match="has 41 of the 120 texts"):
        judge(["recall:no-worse"], answers(0), path)


def test_files(tmp_path: Path) -> None:
    found = judge(["recall>=0.9", "seed_recall>=95%"], answers(6))
    suite = ElementTree.fromstring(junit(found))
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None and failure.get("message") == "misses the limit by 5.00 points"
    assert "❌ 1 of 2 gates failed" in markdown(found) and markdown(found).count("\n| ") == 3
    lines = table(found).split("\n")
    assert lines[1].startswith("passed  recall>=0.9") and lines[2].startswith("FAILED  seed_recall>=95%")
