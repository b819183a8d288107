"""Merged model folder -> `.tflite` -> MediaPipe `.task` and, if wanted, a `.litertlm` for LiteRT-LM. Runs inside
the converter's own environment.

    python -m pocketmoji.export.litert.convert job.json        # started by bundle.py

job.json says what comes in and where the results go (see `Job`). Lines on standard output that begin with "step: " are
progress; everything else there is the converter's own talk.

Longer than other modules: its steps work around the same few parts of the converter, and are read beside each other.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import sys
import types
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from pocketmoji.core.text.prompt import BOS, END_OF_TURN, START_OF_TURN, render
from pocketmoji.core.workspace import peak_memory_bytes
from pocketmoji.export.litert.sentencepiece_model import build_sentencepiece_model, differing_texts, read_tokenizer

START_TOKEN = BOS
MODEL_TURN = f"{START_OF_TURN}model\n"
ALIGNMENT = 4  # as the bundler has it: the web engine looks for the model at a fixed place
RESIDUAL_LIMIT = 2048  # half precision ends at 65,504: this leaves a factor of 32 for texts that were not tried
INT4_BLOCK = 32
LEAST_WEIGHT = 5e-4  # a block's scale is its largest weight / 7, and half precision's smallest normal number 6.1e-5
SCALE_PROMPTS = 8  # prompts whose residual stream is measured
TIMESTAMP = (1980, 1, 1, 0, 0, 0)  # the same model gives the same bytes


@dataclass(frozen=True)
class Job:
    """What to convert. `quantize` is one of litert_torch's names; `texts` are tokenised both ways as a check, prompts
    without their <bos> first. `litertlm`: the second bundle's path, empty for none."""

    model: str
    task: str
    result: str
    stop_tokens: list[str]
    texts: list[str]
    quantize: str
    prefill: int
    context: int
    litertlm: str = ""


@dataclass(frozen=True)
class Result:
    """What came out. `differing_texts` are the texts that the bundle's tokenizer splits differently."""

    residual_scale: int
    tflite_bytes: int
    task_bytes: int
    texts: int
    differing_texts: list[str]
    peak_memory_bytes: int


def step(label: str) -> None:
    print(f"step: {label}", flush=True)


def decoder_config(config: dict[str, Any], residual_scale: int = 1) -> Any:
    """litert_torch's description of the decoder that a Gemma 3 config.json describes.

    `residual_scale`: see `choose_residual_scale`.
    """
    from litert_torch.generative.layers import model_config as lt

    if config["query_pre_attn_scalar"] != config["head_dim"]:
        raise ValueError(
            f"query_pre_attn_scalar {config['query_pre_attn_scalar']} is not head_dim {config['head_dim']}: "
            "litert_torch scales attention by head_dim alone"
        )
    if not config.get("tie_word_embeddings", True):
        raise ValueError("the head is not tied to the embedding table: litert_torch's Gemma 3 shares them")

    def rms_norm(epsilon: float) -> Any:
        return lt.NormalizationConfig(type=lt.NormalizationType.RMS_NORM, epsilon=epsilon, zero_centered=True)

    norm = rms_norm(float(config["rms_norm_eps"]))
    residual_norm = rms_norm(float(config["rms_norm_eps"]) / residual_scale**2)
    feed_forward = lt.FeedForwardConfig(
        type=lt.FeedForwardType.GATED,
        activation=lt.ActivationConfig(lt.ActivationType.GELU_TANH),
        intermediate_size=config["intermediate_size"],
        pre_ff_norm_config=residual_norm,
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
            pre_attention_norm_config=residual_norm,
            post_attention_norm_config=norm,
        )

    return lt.ModelConfig(
        vocab_size=config["vocab_size"],
        num_layers=config["num_hidden_layers"],
        max_seq_len=config["max_position_embeddings"],
        embedding_dim=config["hidden_size"],
        embedding_scale=config["hidden_size"] ** 0.5 / residual_scale,
        block_configs=[block(layer_type) for layer_type in config["layer_types"]],
        final_norm_config=residual_norm,
        lm_head_use_bias=False,
        final_logit_softcap=config.get("final_logit_softcapping"),
    )


def load_decoder(model: Path, residual_scale: int = 1) -> Any:
    """The decoder in litert_torch's own modules, in 32-bit floats, with the weights of model.safetensors.

    With a `residual_scale` the residual stream carries everything divided by it, and the logits stay what they were:
    the embedding's scale and what the blocks add are divided, and every norm that reads the stream undoes it.
    """
    import torch
    from litert_torch.generative.examples.gemma3 import decoder
    from litert_torch.generative.utilities import model_builder

    torch.manual_seed(0)
    loaded = model_builder.build_decoder_only_model(
        checkpoint_path=str(model),
        config=decoder_config(json.loads((model / "config.json").read_text("utf-8")), residual_scale),
        tensor_names=decoder.TENSOR_NAMES_SEP_QKV,
        model_class=decoder.Decoder,
        mask_cache_size=0,
    )
    with torch.no_grad():
        for block in loaded.transformer_blocks:
            for norm in (block.post_atten_norm, block.ff.post_ff_norm):
                norm.weight.copy_((1 + norm.weight) / residual_scale - 1)  # the factor of these norms is 1 + weight
    return loaded


def choose_residual_scale(decoder: Any, prompts: list[list[int]]) -> int:
    """The power of two that brings the residual stream of `prompts` below `RESIDUAL_LIMIT`; 1 if it is below already.

    Gemma 3's stream grows past 100,000 and half-precision floats end at 65,504: MediaPipe computes in them on a GPU, so
    an unscaled model gives infinities, then NaN, and not one token.
    """
    import torch
    from litert_torch.generative.layers import kv_cache

    largest = 0.0

    def watch(_module: Any, _inputs: Any, output: Any) -> None:
        nonlocal largest
        largest = max(largest, float(output[0].abs().max()))

    hooks = [block.register_forward_hook(watch) for block in decoder.transformer_blocks]
    for prompt in prompts:
        n = len(prompt)
        mask = torch.full((n, n), float("-inf")).triu(1)[None, None]
        cache = kv_cache.KVCache.from_model_config(n, decoder.config, kv_layout=kv_cache.KV_LAYOUT_TRANSPOSED)
        decoder(torch.tensor([prompt]), torch.arange(n, dtype=torch.int), cache, mask=mask)
    for hook in hooks:
        hook.remove()
    return 2 ** max(0, math.ceil(math.log2(max(largest, 1.0) / RESIDUAL_LIMIT)))


def lift_small_blocks(decoder: Any) -> None:
    """Give each block of weights a scale that XNNPACK takes: it refuses zero (a block of zeros) and whatever else is no
    normal half-precision number. The largest weight of such a block becomes the smallest that gives one."""
    import torch

    with torch.no_grad():
        for module in decoder.modules():
            if isinstance(module, (torch.nn.Linear, torch.nn.Embedding)):
                blocks = module.weight.view(-1, INT4_BLOCK)
                largest, place = blocks.abs().max(dim=1, keepdim=True)
                lifted = largest.clamp(min=LEAST_WEIGHT).copysign(blocks.gather(1, place))
                blocks.scatter_(1, place, lifted)


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


def convert(job: Job, folder: Path) -> tuple[Path, int]:
    """Write the `.tflite` (signatures prefill_N and decode, cache and mask as inputs) into `folder`.

    Returns its path and the residual scale that was chosen.
    """
    stand_in_for_tensorflow()
    from litert_torch.generative.layers import kv_cache
    from litert_torch.generative.utilities import converter
    from litert_torch.generative.utilities.export_config import ExportConfig

    step("reading the weights")
    model = Path(job.model)
    decoder = load_decoder(model)
    scale = choose_residual_scale(decoder, prompt_ids(model / "tokenizer.json", job.texts[:SCALE_PROMPTS]))
    if scale != 1:
        decoder = load_decoder(model, scale)
    if "int4" in job.quantize:
        lift_small_blocks(decoder)
    step(f"converting to {job.quantize}, residual stream divided by {scale}")
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
    return Path(path), scale


def prompt_ids(tokenizer_json: Path, prompts: list[str]) -> list[list[int]]:
    """The token ids of each prompt, <bos> first: that is where the residual stream is largest."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tokenizer_json))
    return [tokenizer.encode(START_TOKEN + prompt, add_special_tokens=False).ids for prompt in prompts]


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


def bundle_litertlm(tflite: Path, tokenizer: Path, stop_tokens: list[str], context: int, litertlm: Path) -> None:
    """Pack the same for LiteRT-LM, with our prompt as its templates: an app hands over the phrase alone."""
    from litert_lm_builder import litertlm_builder
    from litert_torch.generative.utilities.litertlm_builder import build_litertlm

    marked = render("TEXT").removeprefix(START_TOKEN)
    before, after = marked.split("TEXT")
    # A random id and the time of day stay out of it: the same model gives the same bytes.
    with mock.patch.object(litertlm_builder, "populate_system_metadata", lambda given: given):
        build_litertlm(
            tflite_model_path=str(tflite),
            workdir=str(tflite.parent),
            output_path=str(litertlm.parent),
            context_length=context,
            user_prompt_prefix=before,
            user_prompt_suffix=after,
            jinja_prompt_template=conversation_template(before),
            tokenizer_model_path=str(tokenizer),
            start_token=START_TOKEN,
            stop_tokens=stop_tokens,
        )
    tflite.with_suffix(".litertlm").replace(litertlm)


def conversation_template(before: str) -> str:
    """Our prompt as the Jinja template that LiteRT-LM's conversations render, where a message's content is a string or
    a list of parts. The engine puts the <bos> before it."""
    user, model, end = (f"{{{{ {json.dumps(text)} }}}}" for text in (before, MODEL_TURN, f"{END_OF_TURN}\n"))
    content = "{{ (turn.content if turn.content is string else turn.content[0].text) | trim }}"
    return (
        f"{{%- for turn in messages -%}}{{%- if turn.role == 'user' -%}}{user}{{%- else -%}}{model}{{%- endif -%}}"
        f"{content}{end}{{%- endfor -%}}{{%- if add_generation_prompt -%}}{model}{{%- endif -%}}"
    )


def main(job_file: Path) -> None:
    job = Job(**json.loads(job_file.read_text("utf-8")))
    model, task = Path(job.model), Path(job.task)
    folder = task.parent
    tokenizer_json = read_tokenizer(model / "tokenizer.json")
    for token in (START_TOKEN, *job.stop_tokens):
        if token not in tokenizer_json["model"]["vocab"]:
            raise ValueError(f"the tokenizer has no {token}")

    tflite, residual_scale = convert(job, folder)
    step("rebuilding the tokenizer")
    pieces = build_sentencepiece_model(tokenizer_json)
    (folder / "tokenizer.model").write_bytes(pieces)
    differing = differing_texts(pieces, model / "tokenizer.json", job.texts)
    step("bundling")
    bundle(tflite, folder / "tokenizer.model", job.stop_tokens, task)
    if job.litertlm:
        bundle_litertlm(tflite, folder / "tokenizer.model", job.stop_tokens, job.context, Path(job.litertlm))
    result = Result(
        residual_scale=residual_scale,
        tflite_bytes=tflite.stat().st_size,
        task_bytes=task.stat().st_size,
        texts=len(job.texts),
        differing_texts=differing,
        peak_memory_bytes=peak_memory_bytes(),
    )
    Path(job.result).write_text(json.dumps(asdict(result), ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main(Path(sys.argv[1]))
