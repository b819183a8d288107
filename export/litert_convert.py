"""Merged model folder -> int8 `.tflite` -> MediaPipe `.task`. Runs inside the converter's own environment.

    python -m export.litert_convert job.json        # started by export/litert.py, from the project's folder

job.json says what comes in and where the results go (see `Job`). Lines on standard output that begin with "step: " are
progress; everything else there is the converter's own talk.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import types
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from export.sentencepiece_model import build_sentencepiece_model, differing_texts, read_tokenizer

START_TOKEN = "<bos>"
ALIGNMENT = 4096  # MediaPipe maps the entries of a bundle into memory
TIMESTAMP = (1980, 1, 1, 0, 0, 0)  # the same model gives the same bytes


@dataclass(frozen=True)
class Job:
    """What to convert. `quantize` is one of litert_torch's names; `texts` are tokenised both ways as a check."""

    model: str
    task: str
    result: str
    stop_tokens: list[str]
    texts: list[str]
    quantize: str
    prefill: int
    context: int


@dataclass(frozen=True)
class Result:
    """What came out. `differing_texts` are the texts that the bundle's tokenizer splits differently."""

    tflite_bytes: int
    task_bytes: int
    texts: int
    differing_texts: list[str]
    peak_memory_bytes: int


def step(label: str) -> None:
    print(f"step: {label}", flush=True)


def decoder_config(config: dict[str, Any]) -> Any:
    """litert_torch's description of the decoder that a Gemma 3 config.json describes."""
    from litert_torch.generative.layers import model_config as lt

    if config["query_pre_attn_scalar"] != config["head_dim"]:
        raise ValueError(
            f"query_pre_attn_scalar {config['query_pre_attn_scalar']} is not head_dim {config['head_dim']}: "
            "litert_torch scales attention by head_dim alone"
        )
    if not config.get("tie_word_embeddings", True):
        raise ValueError("the head is not tied to the embedding table: litert_torch's Gemma 3 shares them")
    norm = lt.NormalizationConfig(
        type=lt.NormalizationType.RMS_NORM, epsilon=float(config["rms_norm_eps"]), zero_centered=True
    )
    feed_forward = lt.FeedForwardConfig(
        type=lt.FeedForwardType.GATED,
        activation=lt.ActivationConfig(lt.ActivationType.GELU_TANH),
        intermediate_size=config["intermediate_size"],
        pre_ff_norm_config=norm,
        post_ff_norm_config=norm,
    )

    def block(layer_type: str) -> Any:
        sliding = layer_type == "sliding_attention"
        attention = lt.AttentionConfig(
            num_heads=config["num_attention_heads"],
            head_dim=config["head_dim"],
            num_query_groups=config["num_key_value_heads"],
            rotary_base=config["rope_parameters"][layer_type]["rope_theta"],
            rotary_percentage=1.0,
            qkv_transpose_before_split=True,
            query_norm_config=norm,
            key_norm_config=norm,
            logit_softcap=config.get("attn_logit_softcapping"),
            sliding_window_size=config["sliding_window"],
            attn_type=lt.AttentionType.LOCAL_SLIDING if sliding else lt.AttentionType.GLOBAL,
        )
        return lt.TransformerBlockConfig(
            attn_config=attention,
            ff_config=feed_forward,
            pre_attention_norm_config=norm,
            post_attention_norm_config=norm,
        )

    return lt.ModelConfig(
        vocab_size=config["vocab_size"],
        num_layers=config["num_hidden_layers"],
        max_seq_len=config["max_position_embeddings"],
        embedding_dim=config["hidden_size"],
        embedding_scale=config["hidden_size"] ** 0.5,
        block_configs=[block(layer_type) for layer_type in config["layer_types"]],
        final_norm_config=norm,
        lm_head_use_bias=False,
        final_logit_softcap=config.get("final_logit_softcapping"),
    )


def load_decoder(model: Path) -> Any:
    """The decoder in litert_torch's own modules, in 32-bit floats, with the weights of model.safetensors."""
    import torch
    from litert_torch.generative.examples.gemma3 import decoder
    from litert_torch.generative.utilities import model_builder

    torch.manual_seed(0)
    return model_builder.build_decoder_only_model(
        checkpoint_path=str(model),
        config=decoder_config(json.loads((model / "config.json").read_text("utf-8"))),
        tensor_names=decoder.TENSOR_NAMES_SEP_QKV,
        model_class=decoder.Decoder,
        mask_cache_size=0,
    )


def stand_in_for_tensorflow() -> None:
    """litert_torch reads the `.tflite` schema from TensorFlow, undeclared; ai_edge_litert has the same file.

    The stand-in lasts only while the module that needs it is imported, after everything that would take its presence
    for a real TensorFlow.
    """
    from ai_edge_litert import schema_py_generated

    importlib.import_module("litert_torch.generative.layers.kv_cache")
    names = ("tensorflow", "tensorflow.lite", "tensorflow.lite.python")
    for name in names:
        sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[names[-1]])["schema_py_generated"] = schema_py_generated
    try:
        importlib.import_module("litert_torch.generative.layers.lora")
    finally:
        for name in names:
            del sys.modules[name]


def convert(job: Job, folder: Path) -> Path:
    """Write the `.tflite` (signatures prefill_N and decode, cache and mask as inputs) into `folder`."""
    stand_in_for_tensorflow()
    from litert_torch.generative.layers import kv_cache
    from litert_torch.generative.utilities import converter
    from litert_torch.generative.utilities.export_config import ExportConfig

    step("reading the weights")
    decoder = load_decoder(Path(job.model))
    step(f"converting to {job.quantize}")
    # MediaPipe's web engine wants the transposed cache and gives the mask itself.
    layout = ExportConfig(kvcache_layout=kv_cache.KV_LAYOUT_TRANSPOSED, mask_as_input=True)
    path = converter.convert_to_tflite(
        decoder,
        output_path=str(folder),
        output_name_prefix="model",
        prefill_seq_len=[job.prefill],
        kv_cache_max_len=job.context,
        quantize=job.quantize,
        config=decoder.config,
        export_config=layout,
    )
    return Path(path)


def bundle(tflite: Path, tokenizer: Path, stop_tokens: list[str], task: Path) -> None:
    """Pack model, tokenizer and metadata into a `.task`, with fixed timestamps."""
    # Importing mediapipe imports its drawing helpers, and they OpenCV and matplotlib: 170 MB that bundling never calls.
    for name in ("cv2", "matplotlib", "matplotlib.pyplot"):
        sys.modules.setdefault(name, types.ModuleType(name))
    from mediapipe.tasks.python.genai import bundler
    from mediapipe.tasks.python.metadata.metadata_writers.model_asset_bundle_utils import AlignZipFile

    stamped = tflite.with_name("stamped.task")
    bundler.create_bundle(
        bundler.BundleConfig(
            tflite_model=str(tflite),
            tokenizer_model=str(tokenizer),
            start_token=START_TOKEN,
            stop_tokens=stop_tokens,
            output_filename=str(stamped),
        )
    )
    with zipfile.ZipFile(stamped) as source, AlignZipFile(str(task), mode="w", alignment=ALIGNMENT) as target:
        for entry in source.infolist():
            target.writestr(zipfile.ZipInfo(entry.filename, TIMESTAMP), source.read(entry))
    stamped.unlink()


def main(job_file: Path) -> None:
    job = Job(**json.loads(job_file.read_text("utf-8")))
    model, task = Path(job.model), Path(job.task)
    folder = task.parent
    tokenizer_json = read_tokenizer(model / "tokenizer.json")
    for token in (START_TOKEN, *job.stop_tokens):
        if token not in tokenizer_json["model"]["vocab"]:
            raise ValueError(f"the tokenizer has no {token}")

    tflite = convert(job, folder)
    step("rebuilding the tokenizer")
    pieces = build_sentencepiece_model(tokenizer_json)
    (folder / "tokenizer.model").write_bytes(pieces)
    differing = differing_texts(pieces, model / "tokenizer.json", job.texts)
    step("bundling")
    bundle(tflite, folder / "tokenizer.model", job.stop_tokens, task)
    result = Result(
        tflite_bytes=tflite.stat().st_size,
        task_bytes=task.stat().st_size,
        texts=len(job.texts),
        differing_texts=differing,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )
    Path(job.result).write_text(json.dumps(asdict(result), ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main(Path(sys.argv[1]))
