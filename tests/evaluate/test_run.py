"""`pocketmoji evaluate` from the command line: runtimes side by side, gates, the cache, and what wrong input gets."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.cli import main
from pocketmoji.core.records import Scores
from tests.evaluate.completions_server import completions_server
from tests.evaluate.fake_run import make_dataset as make_real_dataset
from tests.evaluate.fake_run import personal_seeds
from tests.evaluate.scoring.test_texts import make_dataset


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POCKETMOJI_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "dataset", trained=10, untrained=2)


def evaluation(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "evaluation.json").read_text("utf-8"))
    return found


def test_two_runtimes_and_a_gate(tiny_model: Path, dataset: Path, tmp_path: Path, capsys: Any) -> None:
    out, base = tmp_path / "out", tmp_path / "baseline.json"
    with completions_server() as (address, seen):
        arguments = ["evaluate", str(dataset), "--no-everyday", "--runtime", f"tiny=torch:{tiny_model}"]
        arguments += ["--runtime", f"big=openai:{address}#big", "--max-new-tokens", "6"]
        gates = ["--gate", "compliance@big>=0.99", "--gate", "recall@big>=0.99"]
        assert main([*arguments, *gates, "--out", str(out), "--write-baseline", str(base)]) == 0
        asked = len(seen)
        # Every text of this dataset is answered with 🎉: the endpoint is perfect, the random model is not.
        assert main([*arguments, "--gate", "compliance@tiny>=50%", "--out", str(tmp_path / "again"), "--json"]) == 1
        assert len(seen) == asked  # the cache
    shown = capsys.readouterr()
    assert "FAILED  compliance@tiny>=50%" in shown.err and "62 of 62 answers from the cache" in shown.err
    assert json.loads(shown.out)["gates"][0]["passed"] is False
    found = evaluation(out)
    assert found["scores"]["big"]["paraphrase_recall"]["value"] == 1
    assert found["scores"]["tiny"]["paraphrase_recall"]["value"] == 0
    assert found["references"] == ["nearest-neighbour", "cldr-keywords"]
    recall = next(one for one in found["between_runtimes"] if one["metric"] == "paraphrase_recall")
    assert (recall["a"], recall["b"], recall["only_b"], recall["difference"]["value"]) == ("tiny", "big", 10, 1)
    assert recall["p_corrected"] < 0.05
    (parity,) = found["parity"]
    assert parity["unit"] == "character" and parity["same"]["value"] == 0 and parity["earliest"] == 1
    for name in ("gates.md", "gates.xml", "tiny.scores.json", "big.predictions.jsonl", "texts.jsonl", "manifest.json"):
        assert (out / name).is_file(), name
    assert "`recall@big>=0.99`" in (out / "gates.md").read_text("utf-8")


def test_no_worse_than_a_baseline(dataset: Path, tiny_model: Path, tmp_path: Path, capsys: Any) -> None:
    base = tmp_path / "baseline.json"
    run = ["evaluate", str(dataset), "--no-everyday", "--max-new-tokens", "4"]
    with completions_server() as (address, _):
        good = ["--runtime", f"openai:{address}#big"]
        assert main([*run, *good, "--out", str(tmp_path / "a"), "--write-baseline", str(base)]) == 0
        compared = ["--baseline", str(base), "--gate", "recall:no-worse"]
        assert main([*run, *good, *compared, "--out", str(tmp_path / "b")]) == 0
        assert main([*run, "--runtime", f"torch:{tiny_model}", *compared, "--out", str(tmp_path / "c")]) == 1
    assert "worse than the baseline by 100.00 points" in capsys.readouterr().err
    assert evaluation(tmp_path / "b")["gates"][0]["p"] == 1
    assert evaluation(tmp_path / "c")["with_baseline"][0]["a"] == "baseline"


def test_two_evaluations_write_the_same_bytes(tiny_model: Path, tmp_path: Path) -> None:
    """In two processes whose sets iterate in different orders, with texts whose answers differ in meaning."""
    make_real_dataset(tmp_path / "dataset", personal_seeds())
    (tmp_path / "dataset" / "validation.jsonl").write_text("")
    for name in ("one", "two"):
        arguments = ["evaluate", str(tmp_path / "dataset"), "--runtime", f"torch:{tiny_model}"]
        arguments += ["--max-texts", "30", "--max-new-tokens", "8", "--no-cache", "--out", str(tmp_path / name)]
        environment = os.environ | {"PYTHONHASHSEED": "1" if name == "one" else "2"}
        program = "import sys; from pocketmoji.cli import main; sys.exit(main(sys.argv[1:]))"
        done = subprocess.run([sys.executable, "-c", program, *arguments], env=environment, capture_output=True)
        assert done.returncode == 0, done.stderr
    one, two = evaluation(tmp_path / "one"), evaluation(tmp_path / "two")
    assert one.pop("times").keys() == two.pop("times").keys()
    assert json.dumps(one) == json.dumps(two)
    assert 0 < one["scores"]["cldr-keywords"]["meaning"]["value"] < 1
    for path in (tmp_path / "one" / "lm_eval").rglob("*.json*"):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()
    assert not (tmp_path / "cache").exists()


def test_model_still_works(dataset: Path, tiny_model: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "out"
    run = ["evaluate", str(dataset), "--no-everyday", "--model", f"tuned={tiny_model}", "--out", str(out), "--json"]
    assert main(run) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"tuned"}
    assert Scores.model_validate_json((out / "tuned.scores.json").read_text("utf-8")).n == 62
    assert main(run) == 0
    assert "unchanged, skipped" in capsys.readouterr().err


def broken_model(folder: Path, tiny_model: Path, case: str) -> Path:
    shutil.copytree(tiny_model, folder)
    if case == "no chat template":
        path = folder / "tokenizer.json"
        path.write_text(path.read_text("utf-8").replace("start_of_turn", "begin"), "utf-8")
    elif case == "config.json is missing":
        (folder / "config.json").unlink()
    elif case == "does not say which token":
        (folder / "generation_config.json").unlink(missing_ok=True)
        config = json.loads((folder / "config.json").read_text("utf-8"))
        (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if k != "eos_token_id"}))
    return folder


@pytest.mark.parametrize("case", ["no chat template", "config.json is missing", "does not say which token"])
def test_wrong_models(case: str, dataset: Path, tiny_model: Path, tmp_path: Path, capsys: Any) -> None:
    model = broken_model(tmp_path / "model", tiny_model, case)
    out = tmp_path / "out"
    assert main(["evaluate", str(dataset), "--runtime", f"torch:{model}", "--out", str(out)]) == 2
    message = capsys.readouterr().err
    assert case in message and "Traceback" not in message
    assert not (out / "evaluation.json").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "nothing to evaluate"),
        (["--runtime", "tensorrt:x"], "--runtime is 'tensorrt:x'"),
        (["--runtime", "torch:/no/such/model"], "there is no folder /no/such/model"),
        (["--runtime", "onnxruntime:/no/model.onnx"], "there is no file model.onnx"),
        (["--runtime", "litert:/no/model.task"], "there is no file model.task"),
        (["--runtime", "transformers.js:/no/web"], "no pocketmoji.json"),
        (["--runtime", "openai:http://127.0.0.1:9/v1#m", "--gate", "beauty>=1"], "no metric 'beauty'"),
        (["--runtime", "openai:http://127.0.0.1:9/v1#m", "--gate", "recall:no-worse"], "--baseline"),
        (["--runtime", "openai:http://127.0.0.1:9/v1#m", "--baseline", "/no/base.json"], "no such baseline"),
        (["--runtime", "openai:http://127.0.0.1:9/v1#m", "--max-texts", "0"], "--max-texts is '0'"),
    ],
)
def test_wrong_input(arguments: list[str], told: str, dataset: Path, tmp_path: Path, capsys: Any) -> None:
    assert main(["evaluate", str(dataset), *arguments, "--out", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert told in message and "Traceback" not in message


def test_wrong_datasets(dataset: Path, tmp_path: Path, capsys: Any) -> None:
    run = ["--runtime", "openai:http://127.0.0.1:9/v1#m", "--out", str(tmp_path / "out")]
    (dataset / "train.jsonl").write_text('{"prompt": "a", "completion": "b"}\n', "utf-8")
    assert main(["evaluate", str(dataset), *run]) == 2
    assert "train.jsonl, line 1" in capsys.readouterr().err
    for split in ("train", "validation", "heldout_paraphrases", "heldout_seeds"):
        (dataset / f"{split}.jsonl").write_text("", "utf-8")
    assert main(["evaluate", str(dataset), *run]) == 2
    assert "no text to evaluate" in capsys.readouterr().err


def test_another_models_own_template(tiny_model: Path, tmp_path: Path) -> None:
    from pocketmoji.core.text.prompt import SYSTEM, asked
    from pocketmoji.evaluate.runtimes.model_folder import prompt_renderer

    assert prompt_renderer(tiny_model) is asked
    other = broken_model(tmp_path / "other", tiny_model, "no chat template")
    no_system = "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}[{{ messages[0].content }}]"
    (other / "chat_template.jinja").write_text("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}")
    assert prompt_renderer(other)("hi") == f"<system>{SYSTEM}<user>hi"
    (other / "chat_template.jinja").write_text(no_system)
    assert prompt_renderer(other)("hi") == f"[{SYSTEM}\n\nhi]"


def test_a_cache_with_half_a_line(tmp_path: Path) -> None:
    from pocketmoji.core.records import Prediction
    from pocketmoji.evaluate.cache import PredictionCache

    about = {"kind": "torch", "files": {"a": "b"}}
    said = [Prediction(text=t, raw="🎉", tokens=[1], stopped=True, seconds=0.5) for t in ("a\u2028b", "c")]
    cache = PredictionCache(tmp_path, about)
    cache.add(said[:1])
    with open(cache.path, "a", encoding="utf-8") as file:
        file.write('\n{"text": "half')
    PredictionCache(tmp_path, about).add(said[1:])
    again = PredictionCache(tmp_path, about)
    assert [again.get(one.text) for one in said] == said and again.get("half") is None
    assert PredictionCache(tmp_path, {**about, "kind": "litert"}).get("c") is None
