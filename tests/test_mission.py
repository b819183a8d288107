"""The mission on real Gemma 3 270M, with a small budget: from seeds to a tuned model that answers in a browser.

One run is made per test session and read by every test here. Its figures are far below what a full run reaches: twelve
seeds, forty steps, a vocabulary of 16,384.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.cli import main
from pocketmoji.core.records import EvaluationText, Prediction, read_jsonl
from pocketmoji.core.text.emoji import is_compliant
from pocketmoji.core.workspace import MANIFEST, read_json
from tests.llama_server import chat, llama_server

SEEDS = Path(__file__).parent / "real.csv"
pytestmark = [pytest.mark.real, pytest.mark.browser]


def arguments(runs: Path) -> list[str]:
    return [
        *("run", "--json", "--seeds", str(SEEDS), "--runs", str(runs)),
        *("--paraphrases", "4", "--max-steps", "40", "--batch-size", "12", "--vocabulary-size", "16384"),
        *("--learning-rate", "1e-3", "--everyday-rows", "120", "--replay", "24"),
        *("--max-texts", "30", "--webgpu-texts", "1", "--mediapipe-texts", "1", "--litertlm", "--gguf", "Q8_0"),
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    runs = tmp_path_factory.mktemp("runs")
    code = main(arguments(runs))
    assert code in (0, 1), "a gate may fail on this budget, nothing else"
    yield runs / "real"


@pytest.fixture(scope="module")
def summary(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_json(run / "summary.json")
    return found


def test_tuning_taught_it_what_the_base_does_not_know(summary: dict[str, Any]) -> None:
    base, tuned = summary["scores"]["base"], summary["scores"]["tuned"]
    assert "gemma-3-270m" in summary["base"]
    assert base["seed_recall"] == 0
    # Everyday language is more than forty steps can teach; that the list's own phrases are answered says enough.
    assert tuned["compliance"] >= 0.6 and tuned["seed_recall"] >= 0.8
    assert summary["texts"]["everyday"] and summary["texts"]["typed"]
    assert tuned["everyday_acceptable"] is not None and tuned["typed_recall"] is not None
    assert summary["lookups"]["nearest-neighbour"]["seed_recall"] == 1


def test_every_artefact_was_checked_against_the_merged_model(summary: dict[str, Any]) -> None:
    shipped = summary["shipped"]["artefact"]
    for artefact in ("onnx_q4", shipped, "litert_int8", "litertlm_int8"):
        assert summary["scores"][artefact]["parity"] is not None
        assert summary["sizes"][artefact] > 1e6
    assert ("onnx_q8" in summary["scores"]) == (summary["shipped"]["reason"].count("loses") > 0)
    # The same weights in two engines, of which LiteRT-LM renders the prompt itself.
    assert abs(summary["scores"]["litertlm_int8"]["parity"] - summary["scores"]["litert_int8"]["parity"]) <= 0.1
    assert summary["scores"][shipped]["parity"] >= 0.7
    assert summary["sizes"]["tokenizer"] < 5e6
    assert summary["sizes"][summary["shipped"]["artefact"]] < 150e6


def test_it_works_in_the_browser(run: Path, summary: dict[str, Any]) -> None:
    engines = read_json(run / "browser" / "browser.json")["engines"]
    assert engines["pocketmoji/wasm"]["status"] == engines["transformers.js/wasm"]["status"] == "passed"
    assert engines["transformers.js/webgpu"]["status"] == "passed"
    mediapipe = engines["mediapipe/webgpu"]
    # The first text is about a teapot, an emoji that Gemma spells in bytes: MediaPipe breaks it, and we say so.
    assert mediapipe["status"] in ("passed", "not verifiable here") or "spells in bytes" in mediapipe["reason"]
    wasm, tuned = summary["scores"]["pocketmoji/wasm"], summary["scores"]["tuned"]
    assert wasm["n"] == tuned["n"]
    assert wasm["seed_recall"] >= tuned["seed_recall"] - 0.1
    timing = summary["browser"]["pocketmoji/wasm"]
    assert timing["load_s"] > 0 and timing["ttft_ms_p50"] > 0 and timing["tokens_per_s_p50"] > 0
    assert summary["browser"]["transformers.js/webgpu"]["adapter"]
    assert read_json(run / "web" / "pocketmoji.json")["probe"]["tokens"]
    assert (run / "browser" / "screenshot.png").stat().st_size > 10_000
    assert "<testsuite" in (run / "browser" / "junit.xml").read_text("utf-8")


def test_the_answers_are_raw_and_stopped(run: Path) -> None:
    predictions = read_jsonl(run / "evaluation" / "tuned.predictions.jsonl", Prediction)
    stop = read_json(run / "model" / "generation_config.json")["eos_token_id"]
    for prediction in predictions:
        assert prediction.stopped == (prediction.tokens[-1] in stop)
        assert "<eos>" not in prediction.raw


def test_the_report_stands_alone(run: Path) -> None:
    page = (run / "report.html").read_text("utf-8")
    assert "Operation Teapot is go" in page and "<svg" in page
    assert 'src="http' not in page and 'href="http://' not in page


def test_the_terms_travel_with_every_model(run: Path) -> None:
    for folder in ("base", "model", "export", "web"):
        assert "Gemma Terms of Use" in (run / folder / "NOTICE").read_text("utf-8")


def test_a_second_run_redoes_nothing(run: Path, summary: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    manifests = {path: path.read_bytes() for path in run.glob(f"*/{MANIFEST}")}
    assert len(manifests) == 7
    main(arguments(run.parent))
    said = capsys.readouterr()
    # The prepared base lies in the cache, not in the run.
    assert said.err.count("unchanged, skipped") == len(manifests) + 1
    assert json.loads(said.out)["scores"] == summary["scores"]
    assert {path: path.read_bytes() for path in manifests} == manifests


def test_pruning_kept_the_logits_of_real_gemma(run: Path) -> None:
    """The same prompt, kept tokens only, through the full base and the pruned one."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from pocketmoji.core.text.prompt import render
    from pocketmoji.train.base.weights import resolve_base

    prompt = render("Taco night at our place")
    full: Any = AutoTokenizer.from_pretrained(resolve_base("package").folder)
    pruned: Any = AutoTokenizer.from_pretrained(run / "base")
    logits = []
    for folder, tokenizer in ((resolve_base("package").folder, full), (run / "base", pruned)):
        ids = tokenizer(prompt, add_special_tokens=False).input_ids
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        with torch.no_grad():
            logits.append((tokenizer.convert_ids_to_tokens(ids), model(torch.tensor([ids])).logits[0, -1]))
    assert logits[0][0] == logits[1][0]
    kept = [full.convert_tokens_to_ids(token) for token in pruned.convert_ids_to_tokens(range(len(pruned)))]
    assert torch.allclose(logits[0][1][kept], logits[1][1], atol=1e-3)


@pytest.fixture(scope="module")
def llama(run: Path) -> Iterator[str]:
    """The address of a real llama.cpp server that has the run's GGUF file: 8 bits for the floats on the 4-bit grid."""
    (gguf,) = read_json(run / "export" / "export.json")["gguf"]
    with llama_server(run / "export" / gguf["file"]) as address:
        yield address


def test_the_gguf_file_answers_in_llama_cpp(run: Path, llama: str) -> None:
    """A chat that sends the phrase alone, through llama.cpp's own template engine, gets the merged model's answer."""
    # Everyday phrases, which so short a training has not taught, hang on the last digit.
    listed = {t.text for t in read_jsonl(run / "evaluation" / "texts.jsonl", EvaluationText) if t.group != "everyday"}
    said = read_jsonl(run / "evaluation" / "tuned.predictions.jsonl", Prediction)
    tuned = [answer for answer in said if answer.text in listed]
    same = sum(chat(llama, answer.text) == answer.raw for answer in tuned)
    assert same >= 0.8 * len(tuned)


def test_llama_cpp_says_whole_emoji_with_the_grammar_file(run: Path, llama: str) -> None:
    grammar = (run / "export" / "emoji.gbnf").read_text("utf-8")
    for text in ("Repeat after me: hello", "What is 1 + 1?", "Operation Teapot is go"):
        assert is_compliant(chat(llama, text, grammar=grammar)), text


def test_a_real_server_is_evaluated(run: Path, llama: str, tmp_path: Path) -> None:
    bare = llama.removeprefix("http://")
    out = tmp_path / "evaluation"
    runtime = ("--runtime", f"openai:{bare}#any", "--max-texts", "12", "--no-everyday")
    assert main(["evaluate", str(run / "dataset"), *runtime, "--out", str(out)]) in (0, 1)
    (predictions,) = out.glob("*.predictions.jsonl")
    tuned = {p.text: p.raw for p in read_jsonl(run / "evaluation" / "tuned.predictions.jsonl", Prediction)}
    asked = [p for p in read_jsonl(predictions, Prediction) if p.text in tuned]
    assert len(asked) >= 4 and sum(p.raw == tuned[p.text] for p in asked) >= 0.8 * len(asked)


def test_a_real_server_that_is_no_teacher(llama: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It speaks emoji where JSON was asked for, as far as its schema lets it: that is told within ten requests."""
    teacher = ("--teacher", "openai", "--teacher-model", "any", "--base-url", llama.removeprefix("http://"))
    out = tmp_path / "dataset"
    assert main(["datagen", str(SEEDS), "--out", str(out), *teacher, "--max-requests", "10"]) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said and "to do:" in said
