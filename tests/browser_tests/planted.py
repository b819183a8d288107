"""Faults that people's web exports really have, each planted alone into a copy of a good folder or its surroundings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pocketmoji.browser_tests.app.server import TYPES, Server
from pocketmoji.browser_tests.engines.runtimes import Page
from pocketmoji.core.workspace import read_json, write_json

Plant = Callable[[Path, Page, Path], Page]
"""Breaks the web folder in place, or returns another page; the last path is a folder to make things in."""
PLANTS: dict[str, Fault] = {}
PROCESSOR = "engines for processors"
ENGINES = ("pocketmoji/wasm", "transformers.js/wasm")


@dataclass(frozen=True)
class Fault:
    """`says`: the findings and engines that must fail, and what their reasons have. `webgpu`: that engine too."""

    plant: Plant
    says: dict[str, str]
    webgpu: bool = False
    text_limit_s: float = 60


def fault(name: str, check: str, says: str, *, also: dict[str, str] = {}, **more: Any) -> Callable[[Plant], Plant]:  # noqa: B006
    """`check` PROCESSOR: each engine for processors."""

    def register(plant: Plant) -> Plant:
        named = dict.fromkeys(ENGINES, says) if check == PROCESSOR else {check: says}
        PLANTS[name] = Fault(plant, named | also, **more)
        return plant

    return register


def edit_graph(web: Path, change: Callable[[Any, dict[str, Any]], None]) -> None:
    """`change(model, initialisers by name)`; sizes in the card follow, as if it had been exported so."""
    import onnx

    card = read_json(web / "pocketmoji.json")
    path = web / card["onnx_file"]
    model = onnx.load(str(path))
    change(model, {tensor.name: tensor for tensor in model.graph.initializer})
    onnx.save(model, str(path))
    write_json(web / "pocketmoji.json", card | {"bytes": {card["onnx_file"]: path.stat().st_size}})


def edit_tensor(web: Path, name: str, change: Callable[[Any], Any]) -> None:
    from onnx import numpy_helper

    def apply(model: Any, tensors: dict[str, Any]) -> None:
        array = numpy_helper.to_array(tensors[name]).copy()
        tensors[name].CopyFrom(numpy_helper.from_array(np.array(change(array), order="C"), name))

    edit_graph(web, apply)


def before_logits(web: Path, nodes: Callable[[str], list[Any]], tensors: dict[str, Any]) -> None:
    """Puts nodes between the kept hidden state and the head: nodes(name of their output)."""
    from onnx import numpy_helper

    def apply(model: Any, _: dict[str, Any]) -> None:
        graph = model.graph
        head = next(node for node in graph.node if "logits" in node.output)
        made = nodes("planted.out")
        head.input[0] = "planted.out"
        at = list(graph.node).index(head)
        rest = list(graph.node)
        del graph.node[:]
        graph.node.extend([*rest[:at], *made, *rest[at:]])
        graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in tensors.items())

    edit_graph(web, apply)


def other_host(**changes: Any) -> type[Server]:
    return type("OtherHost", (Server,), changes)


LAYER = "model.layers.2.mlp.down_proj.weight"


@fault("scale overflows to NaN", PROCESSOR, "logits are NaN")
def _(web: Path, page: Page, _: Path) -> Page:
    def overflow(scales: Any) -> Any:
        scales[0, 0] = np.inf
        return scales

    edit_tensor(web, f"{LAYER}.s", overflow)
    return page


@fault("one wrong layer", "file: weights as the baseline's", LAYER)
def _(web: Path, page: Page, _: Path) -> Page:
    edit_tensor(web, f"{LAYER}.q", lambda levels: levels[::-1])
    return page


@fault("embedding not scaled", "file: graph", "the embedding is not scaled")
def _(web: Path, page: Page, _: Path) -> Page:
    edit_tensor(web, "embedding_scale", np.ones_like)
    return page


@fault("table quantised twice", "file: weights as the baseline's", "table.scales")
def _(web: Path, page: Page, _: Path) -> Page:
    # The levels were taken for weights: the second round's scale stands where the first's belongs.
    edit_tensor(web, "table.scales", lambda scales: np.full_like(scales, 127 / 128))
    return page


@fault("stop token missing", "file: stop tokens", "is missing from pocketmoji.json")
def _(web: Path, page: Page, _: Path) -> Page:
    write_json(web / "pocketmoji.json", read_json(web / "pocketmoji.json") | {"stop_token_ids": [7]})
    return page


@fault("other prompt", PROCESSOR, "the page's prompt is another")
def _(web: Path, page: Page, made: Path) -> Page:
    return other_page(page, made, "assets/worker-*.js", "Translate this text to emoji: ", "Translate to emoji: ")


def other_page(page: Page, made: Path, pattern: str, old: str, new: str) -> Page:
    import shutil

    from pocketmoji.core.places import DEMO

    folder = shutil.copytree(DEMO / "dist", made / "page", copy_function=_link)
    (path,) = folder.glob(pattern)
    text = path.read_text("utf-8")
    if old not in text:
        raise AssertionError(f"{path.name} does not contain {old!r}")
    path.unlink()  # a link: the built page itself stays as it is
    path.write_text(text.replace(old, new), "utf-8")
    return replace(page, folder=folder)


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


@fault("other tokenizer", "file: tokenizer", "another than the model was trained with")
def _(web: Path, page: Page, _: Path) -> Page:
    tokenizer = read_json(web / "tokenizer.json")
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary["🎉"], vocabulary["🍪"] = vocabulary["🍪"], vocabulary["🎉"]
    write_json(web / "tokenizer.json", tokenizer)
    return page


@fault("wrong KV dimension", "file: graph", "wrong KV dimension")
def _(web: Path, page: Page, _: Path) -> Page:
    def change(model: Any, _: dict[str, Any]) -> None:
        for item in model.graph.input:
            if item.name == "past_key_values.0.key":
                item.type.tensor_type.shape.dim[3].dim_value *= 2

    edit_graph(web, change)
    return page


@fault(
    "half precision overflows",
    "transformers.js/wasm",
    "logits are NaN",
    also={"pocketmoji/wasm": "its graph is not one that this engine computes"},
)
def _(web: Path, page: Page, _: Path) -> Page:
    from onnx import TensorProto, helper

    def nodes(out: str) -> list[Any]:
        # A norm in half precision of what is beyond its largest number, 65,504, as Gemma's residual stream is.
        return [
            helper.make_node("Mul", ["kept_hidden", "planted.large"], ["planted.a"]),
            helper.make_node("Cast", ["planted.a"], ["planted.b"], to=TensorProto.FLOAT16),
            helper.make_node("Cast", ["planted.b"], ["planted.c"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMax", ["planted.c"], ["planted.d"], keepdims=0),
            helper.make_node("Div", ["planted.c", "planted.d"], [out]),
        ]

    before_logits(web, nodes, {"planted.large": np.array(1e6, np.float32)})
    return page


@fault("truncated file", "file: whole", "truncated or half downloaded")
def _(web: Path, page: Page, _: Path) -> Page:
    path = web / read_json(web / "pocketmoji.json")["onnx_file"]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return page


@fault("stale cache", "a new export replaces the kept model", "stale cache")
def _(web: Path, page: Page, _: Path) -> Page:
    class Frozen:
        """A host whose files never seem to change."""

        def __get__(self, *_: Any) -> str:
            return ""

        def __set__(self, *_: Any) -> None:
            pass

    return replace(page, server=other_host(version=Frozen()))


@fault("wrong MIME type", "served as a browser needs it", "wrong MIME type")
def _(web: Path, page: Page, _: Path) -> Page:
    return replace(page, server=other_host(types=TYPES | {".wasm": "text/plain"}))


@fault("COOP and COEP missing", "served as a browser needs it", "missing COOP or COEP")
def _(web: Path, page: Page, _: Path) -> Page:
    return replace(page, server=other_host(headers={}))


@fault("engine falls back to WASM", "transformers.js/webgpu", "the page used wasm", webgpu=True)
def _(web: Path, page: Page, _: Path) -> Page:
    # The page forgets which device was asked for, in a browser without WebGPU.
    script = """
      const real = Worker.prototype.postMessage;
      Worker.prototype.postMessage = function (request, ...rest) {
        if (request?.options) delete request.options.device;
        return real.call(this, request, ...rest);
      };"""
    return replace(page, script=script, webgpu="off")


@fault("digit in an answer", "answers are emoji only", "a digit")
def _(web: Path, page: Page, _: Path) -> Page:
    vocabulary = read_json(web / "tokenizer.json")["model"]["vocab"]
    emoji, digit = vocabulary["🎉"], vocabulary["<0x31>"]

    def swap(array: Any) -> Any:
        array[[emoji, digit]] = array[[digit, emoji]]
        return array

    edit_tensor(web, "table.q", swap)
    edit_tensor(web, "table.scales", swap)
    return page


@fault("latency doubled", "latency against the baseline", "times as long as the baseline's")
def _(web: Path, page: Page, _: Path) -> Page:
    """A vocabulary that was not pruned: rows that say nothing, each of which is computed for every token."""
    from onnx import numpy_helper

    more = 160_000

    def widen(model: Any, tensors: dict[str, Any]) -> None:
        for name in ("table.q", "table.scales"):
            array = numpy_helper.to_array(tensors[name])
            array = np.concatenate([array, np.repeat(array[:1], more, 0)])
            tensors[name].CopyFrom(numpy_helper.from_array(array, name))
        head = next(node for node in model.graph.node if "logits" in node.output)
        next(attribute for attribute in head.attribute if attribute.name == "N").i += more
        model.graph.output[0].type.tensor_type.shape.dim[2].dim_value += more

    edit_graph(web, widen)
    config = read_json(web / "config.json")
    write_json(web / "config.json", config | {"vocab_size": config["vocab_size"] + more})
    return page


@fault("page calls home", "no request leaves the origin", "localhost")
def _(web: Path, page: Page, _: Path) -> Page:
    return replace(page, script="fetch('http://localhost:9/count', {mode: 'no-cors'}).catch(() => 0);")


LISTEN = "addEventListener('submit', () => { const text = document.getElementById('text').value; %s }, true);"


@fault("typed text stored", "the typed text is not stored", "localStorage")
def _(web: Path, page: Page, _: Path) -> Page:
    return replace(page, script=LISTEN % "localStorage.setItem('last', text);")


@fault("typed text sent", "the typed text is not sent", "in a request")
def _(web: Path, page: Page, _: Path) -> Page:
    return replace(page, script=LISTEN % "fetch('./log?q=' + encodeURIComponent(text));")


@fault("not there offline", "visit without a network", "")
def _(web: Path, page: Page, _: Path) -> Page:
    return replace(page, script="ServiceWorkerContainer.prototype.register = () => Promise.reject(new Error('no'));")


@fault("page never answers", PROCESSOR, "nothing within", text_limit_s=4)
def _(web: Path, page: Page, _: Path) -> Page:
    script = """
      const real = Worker.prototype.postMessage;
      Worker.prototype.postMessage = function (request, ...rest) {
        if (request?.kind !== 'answer') real.call(this, request, ...rest);
      };"""
    return replace(page, script=script)


@fault("worker crashes", PROCESSOR, "worker stopped")
def _(web: Path, page: Page, _: Path) -> Page:
    script = """
      const real = Worker.prototype.postMessage;
      Worker.prototype.postMessage = function (request, ...rest) {
        if (request?.kind === 'answer') this.dispatchEvent(new ErrorEvent('error', { message: 'out of bounds' }));
        else real.call(this, request, ...rest);
      };"""
    return replace(page, script=script)
