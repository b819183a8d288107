"""GGUF files for llama.cpp, Ollama and LM Studio: the merged model with its tokenizer, prompt and stop token.

Names and keys are those of llama.cpp's `gemma3` architecture (https://github.com/ggml-org/llama.cpp, gguf-py);
blocks are written with the `gguf` package's own quantisers. Q4_1 has a scale and a minimum for each 32 weights, as the
4-bit asymmetric grid that a model is trained through for the web, in half precision.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pocketmoji.core.errors import InputError
from pocketmoji.core.grid import Floats
from pocketmoji.core.runtime import stop_token_ids
from pocketmoji.core.text.prompt import END_OF_TURN, PHRASE_TEMPLATE, START_OF_TURN
from pocketmoji.core.workspace import atomic_path, read_json
from pocketmoji.export.litert.sentencepiece_model import CONTROL, USER_DEFINED, pieces_of

# How linear layers and the table are stored, by the name that users of llama.cpp know; norms are always F32.
TYPES = {"F16": ("F16", "F16"), "Q8_0": ("Q8_0", "Q8_0"), "Q4_1": ("Q4_1", "Q8_0")}
PATTERN = 6
LAYER_NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def export_gguf(
    model: Path, folder: Path, names: Sequence[str] = ("F16", "Q8_0", "Q4_1"), title: str = ""
) -> list[Path]:
    """Write the merged model in `model` as folder/model-NAME.gguf, NAME of TYPES; returns the paths."""
    for name in names:
        if name not in TYPES:
            raise InputError(f"there is no GGUF type {name!r} here", expected=", ".join(TYPES), remedy="choose one")
    if names:
        _check(read_json(model / "config.json"), model)
    paths = []
    for name in names:
        path = folder / f"model-{name}.gguf"
        with atomic_path(path) as temporary:
            _write(model, temporary, name, title or model.resolve().name)
        paths.append(path)
    return paths


def _write(model: Path, path: Path, name: str, title: str) -> None:
    import gguf

    writer = gguf.GGUFWriter(path, "gemma3")
    writer.add_name(title)
    writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{name}"])
    writer.add_license("gemma")
    _describe_model(writer, read_json(model / "config.json"))
    _describe_tokenizer(writer, model)
    layers, table = (gguf.GGMLQuantizationType[kind] for kind in TYPES[name])
    for tensor, weight in _tensors(model):
        kind = gguf.GGMLQuantizationType.F32
        if weight.ndim == 2:
            kind = table if tensor == "token_embd.weight" else layers
        data = gguf.quants.quantize(weight, kind)
        writer.add_tensor(tensor, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _check(config: dict[str, Any], model: Path) -> None:
    """llama.cpp does not read these two from the file: a model that differs would answer wrongly, in silence."""
    kinds = ["full_attention" if number % PATTERN == 0 else "sliding_attention" for number in range(1, 1000)]
    if config["layer_types"] != kinds[: config["num_hidden_layers"]]:
        raise InputError(
            "the model's layers are not in Gemma 3's order",
            expected=f"full attention in every {PATTERN}th layer, which is all that llama.cpp knows",
            where=model / "config.json",
        )
    if config["query_pre_attn_scalar"] != config["head_dim"]:
        raise InputError(
            f"query_pre_attn_scalar is {config['query_pre_attn_scalar']}",
            expected=f"head_dim, {config['head_dim']}, which is what llama.cpp scales attention by",
            where=model / "config.json",
        )


def _describe_model(writer: Any, config: dict[str, Any]) -> None:
    rope = config["rope_parameters"]
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_sliding_window(config["sliding_window"])
    writer.add_rope_freq_base(rope["full_attention"]["rope_theta"])
    writer.add_vocab_size(config["vocab_size"])


def _describe_tokenizer(writer: Any, model: Path) -> None:
    tokenizer = read_json(model / "tokenizer.json")
    vocabulary = tokenizer["model"]["vocab"]
    pieces = pieces_of(tokenizer)
    turns = (START_OF_TURN, END_OF_TURN)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([piece.text.encode() for piece in pieces])
    writer.add_token_scores([piece.score for piece in pieces])
    # llama.cpp takes turn marks in a user's text for text only if they are control tokens.
    writer.add_token_types(
        [CONTROL if piece.text in turns and piece.kind == USER_DEFINED else piece.kind for piece in pieces]
    )
    stops = stop_token_ids(model)
    writer.add_bos_token_id(vocabulary["<bos>"])
    writer.add_eos_token_id(stops[0])
    writer.add_eot_token_id(stops[-1])
    writer.add_unk_token_id(vocabulary["<unk>"])
    writer.add_pad_token_id(vocabulary["<pad>"])
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(PHRASE_TEMPLATE)


def _tensors(model: Path) -> Iterator[tuple[str, Floats]]:
    """Tensors by llama.cpp's names, in 32-bit floats. Its RMSNorm multiplies by the weight, Gemma's by 1 + weight."""
    from safetensors import safe_open

    with safe_open(str(model / "model.safetensors"), "pt") as weights:
        for name in sorted(weights.keys()):
            array: Floats = weights.get_tensor(name).float().numpy()
            array = array + 1 if name.endswith("norm.weight") else array
            yield _gguf_name(name), np.ascontiguousarray(array, np.float32)


def _gguf_name(name: str) -> str:
    if name == "model.embed_tokens.weight":
        return "token_embd.weight"
    if name == "model.norm.weight":
        return "output_norm.weight"
    _, _, layer, part = name.split(".", 3)
    return f"blk.{layer}.{LAYER_NAMES[part.removesuffix('.weight')]}.weight"
