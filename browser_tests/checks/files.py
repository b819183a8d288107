"""What can be said of a model folder before a browser starts: whole, consistent in itself, and near its baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pocketmoji.browser_tests.checks.findings import Finding, judged, unverifiable
from pocketmoji.core.errors import InputError
from pocketmoji.core.records import Prediction
from pocketmoji.core.workspace import MANIFEST, digest_file, read_json

LARGEST_HALF = 65_504.0
# Rounding to 4 bits moves a matrix by about a tenth of its size, another training run by less: what is beyond this in a
# few tensors while the others agree is broken.
BROKEN = 0.5
FEW = 0.34  # share of tensors up to which single ones are named; beyond, it is simply another model


def onnx_file(web: Path, card: Mapping[str, Any]) -> Path:
    """The ONNX file that the page loads from `web`. InputError if it is not there."""
    name = card.get("onnx_file")
    found = [web / str(name)] if name else sorted((web / "onnx").glob("*.onnx"))
    if not found or not found[0].is_file():
        where = found[0] if found else web / "onnx"
        raise InputError(f"{web} holds no ONNX file", expected=str(where), where=web, remedy="export the model again")
    return found[0]


def read_card(web: Path) -> dict[str, Any]:
    """pocketmoji.json; {} where a folder has none."""
    path = web / "pocketmoji.json"
    try:
        card: dict[str, Any] = read_json(path) if path.is_file() else {}
    except ValueError as error:
        raise InputError(f"pocketmoji.json is no JSON: {error}", where=path, remedy="export the model again") from error
    return card


def check_files(web: Path, tuned: Sequence[Prediction], baseline: Path | None) -> list[Finding]:
    """`tuned`: answers of the merged model, whose tokens the folder's tokenizer must spell as they were spelt."""
    card = read_card(web)
    path = onnx_file(web, card)
    found = [_whole(web, card), _tokenizer(web, tuned)]
    graph = _load(path)
    if isinstance(graph, str):
        return [*found, judged("file: graph", [graph])]
    weights = _initialisers(graph)
    found += [judged("file: graph", _graph_problems(web, graph, weights)), _stops(web, card)]
    if baseline:
        other = _load(onnx_file(baseline, read_card(baseline)))
        if isinstance(other, str):
            raise InputError(f"the baseline's {other}", where=baseline)
        found.append(_as_baseline(weights, _initialisers(other)))
    return found


def _whole(web: Path, card: Mapping[str, Any]) -> Finding:
    """Every file as its export wrote it, by size and digest."""
    problems = []
    for name, size in (card.get("bytes") or {}).items():
        here = (web / name).stat().st_size if (web / name).is_file() else 0
        if here != size:
            problems.append(f"{name} has {here} bytes, {size} were exported: truncated or half downloaded")
    wrote = read_json(web / MANIFEST)["wrote"] if (web / MANIFEST).is_file() else {}
    for name, digest in wrote.items():
        if not (web / name).is_file():
            problems.append(f"{name} is missing")
        elif digest_file(web / name) != digest and not any(name in problem for problem in problems):
            problems.append(f"{name} is not the file that the export wrote (its digest differs)")
    if not wrote and not card.get("bytes"):
        return unverifiable(
            "file: whole", "the folder says neither sizes nor digests", "a folder that `pocketmoji export` wrote"
        )
    return judged("file: whole", problems)


def _tokenizer(web: Path, tuned: Sequence[Prediction]) -> Finding:
    from pocketmoji.evaluate.runtimes.tokens import load_tokenizer

    try:
        tokenizer = load_tokenizer(web)
    except InputError:
        raise
    except Exception as error:
        return judged("file: tokenizer", [f"tokenizer.json cannot be read: {error}"])
    if not tuned:
        return unverifiable("file: tokenizer", "no answers of the merged model", "an evaluation folder with tuned")
    for one in tuned:
        tokens = one.tokens[:-1] if one.stopped else one.tokens
        spelt = tokenizer.decode(tokens, skip_special_tokens=False)
        if spelt != one.raw:
            problem = f"tokenizer.json is another than the model was trained with: it spells {one.raw!r} as {spelt!r}"
            return judged("file: tokenizer", [problem])
    return judged("file: tokenizer", [])


def _stops(web: Path, card: Mapping[str, Any]) -> Finding:
    path = web / "generation_config.json"
    ends = read_json(path).get("eos_token_id", []) if path.is_file() else []
    ends = ends if isinstance(ends, list) else [ends]
    told = card.get("stop_token_ids", ends)
    problems = []
    if not told:
        problems.append("no stop token: neither pocketmoji.json nor generation_config.json names one")
    elif missing := [token for token in ends if token not in told]:
        problems.append(f"stop token {missing[0]} of generation_config.json is missing from pocketmoji.json {told}")
    return judged("file: stop tokens", problems)


def _load(path: Path) -> Any:
    """The model, or in words why it cannot be read."""
    import onnx

    try:
        model = onnx.load(str(path))
        _initialisers(model)
    except Exception as error:
        return f"{path.name} cannot be read as ONNX ({type(error).__name__}): truncated, or no ONNX file"
    return model if model.graph.node else f"{path.name} holds no graph: truncated, or no ONNX file"


def _initialisers(model: Any) -> dict[str, Any]:
    from onnx import numpy_helper

    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def _graph_problems(web: Path, model: Any, weights: Mapping[str, Any]) -> list[str]:
    """What contradicts config.json, and numbers that are none."""
    import numpy as np

    config = read_json(web / "config.json")
    problems = []
    for name, array in weights.items():
        if array.dtype.kind != "f":
            continue
        bad = int((~np.isfinite(array)).sum())
        if bad:
            problems.append(f"{name}: {bad} of {array.size} numbers are NaN or infinite (a scale that overflowed?)")
    halves = [name for name, array in weights.items() if array.dtype == np.float16]
    if halves:
        problems.append(
            f"{len(halves)} tensors are in half precision (first: {halves[0]}): Gemma 3's activations pass its largest "
            f"number, {LARGEST_HALF:,.0f}"
        )
    hidden, vocabulary = config.get("hidden_size"), config.get("vocab_size")
    scales = [a.item() for a in weights.values() if a.size == 1 and a.dtype.kind == "f"]
    if hidden and str(config.get("model_type", "")).startswith("gemma3"):
        right = float(hidden) ** 0.5
        if not any(abs(scale - right) <= 0.01 * right for scale in scales):
            problems.append(
                f"the embedding is not scaled: no factor of {right:.4g} (the root of hidden_size) in the graph"
            )
    dims = {
        item.name: [d.dim_value or d.dim_param for d in item.type.tensor_type.shape.dim]
        for item in [*model.graph.input, *model.graph.output]
    }
    layers = sum(name.startswith("past_key_values.") and name.endswith(".key") for name in dims)
    if config.get("num_hidden_layers") and layers != config["num_hidden_layers"]:
        problems.append(f"the graph has the cache of {layers} layers, config.json says {config['num_hidden_layers']}")
    wanted = [config.get("num_key_value_heads"), config.get("head_dim")]
    for name, shape in dims.items():
        if name.startswith("past_key_values.") and [shape[1], shape[3]] != wanted:
            problems.append(
                f"wrong KV dimension: {name} has {shape[1]} heads of {shape[3]}, "
                f"config.json says {wanted[0]} of {wanted[1]}"
            )
            break
    for name, shape in dims.items():
        if name.startswith("past_key_values.") and shape[0] != "batch_size":
            problems.append(f"{name}'s first dimension is {shape[0]!r}: Transformers.js looks for 'batch_size'")
            break
    if vocabulary and "logits" in dims and dims["logits"][-1] != vocabulary:
        problems.append(f"the head gives {dims['logits'][-1]} logits, config.json says {vocabulary} tokens")
    return problems


def _as_baseline(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Finding:
    """Tensor by tensor: the few that are far from the baseline's while the rest agree are named."""
    import numpy as np

    check = "file: weights as the baseline's"
    common = [n for n in ours if n in theirs and ours[n].shape == theirs[n].shape and ours[n].dtype == theirs[n].dtype]
    common = [name for name in common if ours[name].dtype.kind in "fu" and ours[name].size > 1]
    if len(common) < 0.9 * sum(array.dtype.kind in "fu" and array.size > 1 for array in theirs.values()):
        return unverifiable(check, "the baseline's graph has other tensors", "a baseline exported in the same way")
    far = {}
    for name in common:
        a, b = ours[name].astype(np.float32), theirs[name].astype(np.float32)
        if ours[name].dtype == np.uint8:  # levels around the middle of the grid
            a, b = a - 128, b - 128
        with np.errstate(all="ignore"):
            distance = float(np.linalg.norm(a - b) / max(float(np.linalg.norm(b)), 1e-12))
        if not distance <= BROKEN:
            far[name] = distance
    measured = {"tensors": float(len(common)), "far": float(len(far))}
    if len(far) > FEW * len(common):
        reason = f"{len(far)} of {len(common)} tensors differ: it is another model than the baseline"
        return unverifiable(check, reason, "a baseline of the same training").model_copy(update={"measured": measured})
    worst = sorted(far, key=lambda name: -far[name] if far[name] == far[name] else float("-inf"))
    problems = [f"{name} is {far[name]:.0%} away from the baseline's" for name in worst[:3]]
    if len(worst) > 3:
        problems.append(f"and {len(worst) - 3} more tensors")
    return judged(check, problems, **measured)
