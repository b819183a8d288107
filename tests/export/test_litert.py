"""LiteRT end to end on a tiny random Gemma 3: environment, conversion, bundle, interpreter, against torch."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch

from pocketmoji.core.errors import InputError, PocketmojiError
from pocketmoji.core.workspace import digest_file, is_disk_full, read_json
from pocketmoji.evaluate.runtimes.litert_lm_runtime import LitertLmRuntime
from pocketmoji.evaluate.runtimes.litert_runtime import LitertRuntime, read_tflite
from pocketmoji.evaluate.runtimes.tokens import prompt_tokens
from pocketmoji.evaluate.runtimes.torch_runtime import TorchRuntime
from pocketmoji.export.litert.bundle import ensure_environment, export_litert, main
from pocketmoji.export.litert.convert import lift_small_blocks

STOP_TOKENS = ["<eos>", "<end_of_turn>"]
STOP_IDS = [1, 6]
TEXTS = [
    "what a fun party",
    "we shipped it on friday, what could go wrong?",
    "Ünïcödé and 日本語 🎉",
    "coffee",
    " ".join(["my cat is sleeping on me"] * 12),  # longer than one prefill call
]


@pytest.fixture(scope="module")
def loud_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model whose residual stream is as large as the real one's: beyond what half precision can hold."""
    from safetensors.torch import load_file, save_file

    from tests.tiny import make_tiny_model

    folder = make_tiny_model(tmp_path_factory.mktemp("loud") / "model", num_hidden_layers=2)
    weights = load_file(folder / "model.safetensors")
    for name, weight in weights.items():
        if name.endswith(("post_attention_layernorm.weight", "post_feedforward_layernorm.weight")):
            weight.add_(30_000)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def exact_web(loud_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The loud model exported in 32-bit floats."""
    web = tmp_path_factory.mktemp("exact")
    export_litert(loud_model, web, STOP_TOKENS, texts=TEXTS, precision="fp32")
    return web


@pytest.fixture(scope="module")
def int8_web(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    web = tmp_path_factory.mktemp("int8")
    export_litert(tiny_model, web, STOP_TOKENS, texts=TEXTS, litertlm=True)
    return web


@pytest.fixture(scope="module")
def int4_web(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    web = tmp_path_factory.mktemp("int4")
    export_litert(tiny_model, web, STOP_TOKENS, texts=TEXTS, precision="int4", litertlm=True)
    return web


def test_the_environment_is_built_once() -> None:
    python = ensure_environment()
    built = (python.parent.parent / "pyvenv.cfg").stat().st_mtime_ns
    assert main(["--ensure-environment"]) == 0
    assert (python.parent.parent / "pyvenv.cfg").stat().st_mtime_ns == built


def test_without_quantisation_the_tokens_are_torchs(loud_model: Path, exact_web: Path) -> None:
    ours = LitertRuntime(exact_web / "model.task", loud_model, STOP_IDS, 12).predict(TEXTS)
    torchs = TorchRuntime(loud_model, STOP_IDS, 12, batch_size=1).predict(TEXTS)
    assert [p.tokens for p in ours] == [p.tokens for p in torchs]
    assert [p.raw for p in ours] == [p.raw for p in torchs]
    assert all(p.ttft_ms and p.seconds > 0 for p in ours)


def test_a_block_of_zeros_gets_a_scale_that_xnnpack_takes() -> None:
    layer = torch.nn.Linear(96, 1, bias=False)
    with torch.no_grad():
        layer.weight[0, :32], layer.weight[0, 40] = 0, -1
        layer.weight[0, 64:] = torch.linspace(-1e-5, 1e-6, 32)
        before = layer.weight.clone()
        lift_small_blocks(torch.nn.Sequential(layer))
    largest = layer.weight.view(3, 32).abs().amax(1)
    assert (largest / 7 >= torch.finfo(torch.float16).tiny).all() and largest[0] < 1e-3
    changed = (layer.weight != before)[0].nonzero()[:, 0].tolist()
    assert len(changed) == 2 and changed[0] < 32 and changed[1] == 64 and layer.weight[0, 64] < 0


def test_a_residual_stream_beyond_half_precision_is_scaled_down(exact_web: Path, int8_web: Path) -> None:
    assert read_json(exact_web / "litert.json")["residual_scale"] >= 64
    assert read_json(int8_web / "litert.json")["residual_scale"] == 1


def test_int8_stays_close_to_torch(tiny_model: Path, int8_web: Path) -> None:
    import numpy as np
    import torch

    runtime = LitertRuntime(int8_web / "model.task", tiny_model, STOP_IDS, 4)
    model = TorchRuntime(tiny_model, STOP_IDS, 4, batch_size=1).model
    for prompt in prompt_tokens(runtime.tokenizer, TEXTS):
        logits, _ = runtime.read_prompt(prompt)
        with torch.inference_mode():
            expected = model(torch.tensor([prompt])).logits[0, -1].numpy()
        assert np.corrcoef(logits, expected)[0, 1] > 0.98


def test_the_bundle_holds_what_mediapipe_reads(int8_web: Path, tiny_model: Path) -> None:
    task = int8_web / "model.task"
    with zipfile.ZipFile(task) as bundle:
        assert set(bundle.namelist()) == {"TF_LITE_PREFILL_DECODE", "TOKENIZER_MODEL", "METADATA"}
        assert {entry.compress_type for entry in bundle.infolist()} == {zipfile.ZIP_STORED}
        metadata = bundle.read("METADATA")
    assert all(token.encode() in metadata for token in ("<bos>", *STOP_TOKENS))
    assert read_tflite(task)[4:8] == b"TFL3"
    assert b"PK\x03\x04" in task.read_bytes()[:16]  # the web engine looks no further to recognise a bundle
    assert sorted(path.name for path in int8_web.iterdir()) == ["litert.json", "model.litertlm", "model.task"]
    assert task.stat().st_size < 1.5 * (tiny_model / "model.safetensors").stat().st_size


def test_int4_is_half_of_int8_and_the_same_weights(tiny_model: Path, int4_web: Path, int8_web: Path) -> None:
    """A random model's answers hang on the last bits, so its logits are compared: 4 bits keep their order roughly."""
    import numpy as np

    for name in ("model.task", "model.litertlm"):
        assert (int4_web / name).stat().st_size < 0.75 * (int8_web / name).stat().st_size
    runtimes = [LitertRuntime(web / "model.task", tiny_model, STOP_IDS, 4) for web in (int4_web, int8_web)]
    for prompt in prompt_tokens(runtimes[0].tokenizer, TEXTS):
        four, eight = (runtime.read_prompt(prompt)[0] for runtime in runtimes)
        assert 0.6 < np.corrcoef(four, eight)[0, 1] < 0.9999


@pytest.mark.parametrize(("web_fixture", "least"), [("int8_web", 2), ("int4_web", 1)])
def test_litert_lm_answers_as_the_task_does(
    web_fixture: str, least: int, tiny_model: Path, request: pytest.FixtureRequest
) -> None:
    """Only the phrase goes into LiteRT-LM: prompt, <bos> and stop tokens are in the file."""
    web: Path = request.getfixturevalue(web_fixture)
    bundle = web / "model.litertlm"
    expected = LitertRuntime(web / "model.task", tiny_model, STOP_IDS, 6).predict(TEXTS)
    runtime = LitertLmRuntime(bundle, tiny_model, STOP_IDS, 6)
    # A random model also says bytes that are no character; each engine spells those in its own way.
    spelt = [answer for answer in expected if "\ufffd" not in answer.raw]
    assert len(spelt) >= least and [answer.raw for answer in runtime.predict([answer.text for answer in spelt])] == [
        answer.raw for answer in spelt
    ]
    with runtime.engine.create_conversation(sampler_config=runtime.greedy, max_output_tokens=6) as conversation:
        assert str(conversation.send_message(spelt[0].text)) == spelt[0].raw
    assert b"creation_timestamp" not in bundle.read_bytes()  # the same model gives the same bytes
    assert not list(web.glob("*cache*"))


def test_what_is_no_litertlm_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.litertlm"
    broken.write_bytes(b"LITERTLM and nothing behind it")
    with pytest.raises(InputError, match=r"does not load broken\.litertlm"):
        LitertLmRuntime(broken, tiny_model, STOP_IDS, 6)
    with pytest.raises(InputError, match=r"other\.litertlm is missing"):
        LitertLmRuntime(tmp_path / "other.litertlm", tiny_model, STOP_IDS, 6)


@pytest.mark.parametrize(("length", "fits"), [(20, True), (300, False)])
def test_a_prompt_longer_than_the_context_is_refused(tiny_model: Path, int8_web: Path, length: int, fits: bool) -> None:
    runtime = LitertRuntime(int8_web / "model.task", tiny_model, STOP_IDS, 4)
    text = "coffee " * length
    if fits:
        assert len(runtime.predict([text])[0].tokens) <= 4
    else:
        with pytest.raises(InputError, match="tokens"):
            runtime.predict([text])


def test_a_failing_converter_is_an_error_with_the_end_of_its_log(tiny_model: Path, tmp_path: Path) -> None:
    kept = tmp_path / "model.task"
    kept.write_bytes(b"an earlier export")
    before = digest_file(kept)
    with pytest.raises(PocketmojiError, match="the tokenizer has no <no_such_token>"):
        export_litert(tiny_model, tmp_path, ["<no_such_token>"])
    assert digest_file(kept) == before
    assert not (tmp_path / ".litert").exists()


def test_a_disk_that_fills_up_in_the_converter_is_told_as_such(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = tmp_path / "python"
    full.write_text("#!/bin/sh\necho 'OSError: [Errno 28] No space left on device'\nexit 1\n")
    full.chmod(0o755)
    monkeypatch.setattr("pocketmoji.export.litert.bundle.ensure_environment", lambda: full)
    with pytest.raises(OSError) as caught:
        export_litert(tiny_model, tmp_path / "web", ["<eos>"])
    assert is_disk_full(caught.value)


def test_what_is_missing_is_named(tmp_path: Path, tiny_model: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json is missing"):
        export_litert(tmp_path, tmp_path / "web", STOP_TOKENS)
    with pytest.raises(InputError, match="no stop token"):
        export_litert(tiny_model, tmp_path / "web", [])
    with pytest.raises(InputError, match=r"model\.task is missing"):
        LitertRuntime(tmp_path / "model.task", tiny_model, STOP_IDS, 4)
    other = tmp_path / "other.task"
    with zipfile.ZipFile(other, "w") as bundle:
        bundle.writestr("METADATA", b"")
    with pytest.raises(InputError, match="TF_LITE_PREFILL_DECODE"):
        read_tflite(other)
