"""ONNX Runtime on the CPU, running the very file that the browser loads."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pocketmoji.core.errors import InputError
from pocketmoji.core.records import Prediction
from pocketmoji.core.runtime import Progress
from pocketmoji.core.text.grammar import Grammar
from pocketmoji.core.text.prompt import asked
from pocketmoji.evaluate.runtimes.tokens import load_tokenizer, prediction, prompt_tokens


def without_rounding(path: Path) -> bytes | None:
    """The file with accuracy_level 0, that of an engine that rounds no activation; None if it has no other."""
    import onnx

    try:
        model = onnx.load(str(path))
    except Exception as error:
        raise InputError(f"{path.name} is not an ONNX file: {error}", where=path) from error
    changed = False
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "accuracy_level" and attribute.i:
                attribute.i, changed = 0, True
    return model.SerializeToString() if changed else None


class OnnxRuntime:
    """Greedy decoding of a decoder graph in the layout of Transformers.js.

    Inputs: input_ids, attention_mask, num_logits_to_keep, past_key_values.{i}.key|value; outputs: logits,
    present.{i}.key|value. The graph's attention knows no padding on the left, so only prompts of the same length go
    into one batch. `seconds` of a prediction is its share of the batch's time; a batch of one has its own times.

    The kernels for one row and for several round differently. On the untuned base, 8 of 8 rambling answers were the
    same in a batch as alone with 8-bit weights, 6 of 8 with 4-bit ones. The browser runs one text at a time: compare
    with it at batch_size=1. With a `grammar` only tokens that it allows are said. Unless it is `rounding`, activations
    stay in floats where the file would let Python's x86 kernels round them to 8 bits, which takes eight times as long.
    """

    name = "onnxruntime"

    def __init__(
        self,
        onnx_file: Path,
        tokenizer_folder: Path,
        stop_token_ids: Sequence[int],
        max_new_tokens: int,
        batch_size: int,
        grammar: Grammar | None = None,
        rounding: bool = True,
    ) -> None:
        import onnxruntime

        if not onnx_file.is_file():
            raise InputError(f"{onnx_file.name} is missing", expected="an exported ONNX file", where=onnx_file)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = os.cpu_count() or 1
        options.log_severity_level = 3
        unrounded = None if rounding else without_rounding(onnx_file)
        self.session = onnxruntime.InferenceSession(
            unrounded or str(onnx_file), options, providers=["CPUExecutionProvider"]
        )
        self.was_rounding = unrounded is not None
        """Whether the file lets kernels round, and does not here."""
        self._outputs = [output.name for output in self.session.get_outputs()]
        self.tokenizer = load_tokenizer(tokenizer_folder)
        self.stop_token_ids = list(stop_token_ids)
        self.max_new_tokens = max_new_tokens
        self.batch_size = batch_size
        self.rendered: Callable[[str], str] = asked
        self.grammar = grammar

    def predict(self, texts: Sequence[str], progress: Progress | None = None) -> list[Prediction]:
        """One prediction per text, in the order of `texts`."""
        prompts = prompt_tokens(self.tokenizer, texts)
        by_length: dict[int, list[int]] = {}
        for i, prompt in enumerate(prompts):
            by_length.setdefault(len(prompt), []).append(i)
        found: dict[int, Prediction] = {}
        for _, same in sorted(by_length.items(), reverse=True):
            for start in range(0, len(same), self.batch_size):
                batch = same[start : start + self.batch_size]
                started = time.perf_counter()
                generated, first = self._generate([prompts[i] for i in batch])
                elapsed = time.perf_counter() - started
                alone = len(batch) == 1
                for i, tokens in zip(batch, generated, strict=True):
                    found[i] = prediction(
                        self.tokenizer,
                        texts[i],
                        tokens,
                        self.stop_token_ids,
                        seconds=elapsed / len(batch),
                        ttft_ms=first * 1000 if alone else None,
                        tokens_per_s=(len(tokens) - 1) / (elapsed - first) if alone and len(tokens) > 1 else None,
                    )
                if progress:
                    progress(len(batch))
        return [found[i] for i in range(len(texts))]

    def logits(self, tokens: Sequence[int]) -> Any:
        """Next-token logits at every position of one row, [length, vocabulary]."""
        import numpy as np

        ids = np.array([tokens], np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "num_logits_to_keep": np.array(0, np.int64)}
        return self.session.run(["logits"], {**feed, **self._empty_cache(1)})[0][0]

    def step(self, tokens: Sequence[int], state: dict[str, Any] | None) -> tuple[Any, dict[str, Any]]:
        """The logits after `tokens` (a vector) and the caches with them; None is the state before a prompt."""
        import numpy as np

        cache = state or self._empty_cache(1)
        length = next(iter(cache.values())).shape[2] + len(tokens)
        feed = {
            "input_ids": np.array([list(tokens)], np.int64),
            "attention_mask": np.ones((1, length), np.int64),
            "num_logits_to_keep": np.array(1, np.int64),
        }
        outputs = dict(zip(self._outputs, self.session.run(None, {**feed, **cache}), strict=True))
        return outputs.pop("logits")[0, -1], _as_past(outputs)

    def _empty_cache(self, rows: int) -> dict[str, Any]:
        """Caches of length 0; number of heads, head size and type are the graph's own."""
        import numpy as np

        cache = {}
        for item in self.session.get_inputs():
            if item.name.startswith("past_key_values."):
                _, heads, _, size = item.shape
                cache[item.name] = np.zeros((rows, heads, 0, size), _numpy_type(item.type))
        return cache

    def _generate(self, prompts: list[list[int]]) -> tuple[list[list[int]], float]:
        """The generated tokens per prompt, and the seconds to the first one. Goes on until every row has stopped."""
        import numpy as np

        started = time.perf_counter()
        ids = np.array(prompts, np.int64)
        cache = self._empty_cache(len(prompts))
        length, first = ids.shape[1], 0.0
        rows: list[list[int]] = [[] for _ in prompts]
        running = np.ones(len(prompts), bool)
        one = np.array(1, np.int64)
        for step in range(self.max_new_tokens):
            seen = np.ones((len(prompts), length), np.int64)
            feed = {"input_ids": ids, "attention_mask": seen, "num_logits_to_keep": one, **cache}
            outputs = dict(zip(self._outputs, self.session.run(None, feed), strict=True))
            logits = outputs.pop("logits")[:, -1]
            if self.grammar:
                mask = self.grammar.mask(rows, self.max_new_tokens, logits.shape[-1])
                logits = np.where(mask, logits, -np.inf)
            token = logits.argmax(-1)
            first = first if step else time.perf_counter() - started
            for i in np.flatnonzero(running):
                rows[i].append(int(token[i]))
            running &= ~np.isin(token, self.stop_token_ids)
            if not running.any():
                break
            cache = _as_past(outputs)
            ids, length = token[:, None].astype(np.int64), length + 1
        return rows, first


def _as_past(present: dict[str, Any]) -> dict[str, Any]:
    """The caches that came out, by the names under which they go in again."""
    return {name.replace("present.", "past_key_values.", 1): value for name, value in present.items()}


def _numpy_type(onnx_type: str) -> str:
    """ONNX Runtime's name of a tensor type as NumPy's."""
    return {"tensor(float)": "float32", "tensor(float16)": "float16"}[onnx_type]
