"""LiteRT's interpreter on the CPU, running the model inside the very `.task` that MediaPipe loads in the browser."""

from __future__ import annotations

import os
import re
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pocketmoji.core.errors import InputError
from pocketmoji.core.records import Prediction
from pocketmoji.core.runtime import Progress
from pocketmoji.core.text.grammar import Grammar
from pocketmoji.evaluate.runtimes.tokens import load_tokenizer, prediction, prompt_tokens

MODEL_ENTRY = "TF_LITE_PREFILL_DECODE"


class LitertRuntime:
    """Greedy decoding through the signatures prefill_N and decode of a `.task` or a `.tflite`.

    Inputs of both: tokens [1, N], input_pos [N], mask [1, 1, N, context] (0 where attention may look, minus infinity
    elsewhere) and the KV cache, which comes back updated. prefill gives no logits, so the prompt's last token goes
    through decode. One text at a time: the graph has no batch. With a `grammar` only tokens that it allows are said.
    """

    name = "litert"

    def __init__(
        self,
        task_or_tflite: Path,
        tokenizer_folder: Path,
        stop_token_ids: Sequence[int],
        max_new_tokens: int,
        grammar: Grammar | None = None,
    ) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.interpreter = Interpreter(
            model_content=read_tflite(task_or_tflite), num_threads=min(os.cpu_count() or 1, 4)
        )
        signatures = self.interpreter.get_signature_list()
        prefills = {int(found[1]): name for name in signatures if (found := re.fullmatch(r"prefill_(\d+)", name))}
        if not prefills or "decode" not in signatures:
            raise InputError(
                f"its signatures are {sorted(signatures)}", expected="prefill_N and decode", where=task_or_tflite
            )
        self.chunk = max(prefills)
        self.prefill = self.interpreter.get_signature_runner(prefills[self.chunk])
        self.decode = self.interpreter.get_signature_runner("decode")
        inputs = self.decode.get_input_details()
        self.context = int(inputs["mask"]["shape"][-1])
        self.cache_shapes = {name: tuple(d["shape"]) for name, d in inputs.items() if name.startswith("kv_cache_")}
        self.tokenizer = load_tokenizer(tokenizer_folder)
        self.stop_token_ids = list(stop_token_ids)
        self.max_new_tokens = max_new_tokens
        self.grammar = grammar

    def predict(self, texts: Sequence[str], progress: Progress | None = None) -> list[Prediction]:
        """One prediction per text, in the order of `texts`."""
        found = []
        for text, prompt in zip(texts, prompt_tokens(self.tokenizer, texts), strict=True):
            if len(prompt) >= self.context:
                raise InputError(
                    f"the prompt of {text[:60]!r} has {len(prompt)} tokens",
                    expected=f"fewer than the exported context of {self.context}",
                )
            started = time.perf_counter()
            tokens, first = self._generate(prompt)
            elapsed = time.perf_counter() - started
            found.append(
                prediction(
                    self.tokenizer,
                    text,
                    tokens,
                    self.stop_token_ids,
                    seconds=elapsed,
                    ttft_ms=first * 1000,
                    tokens_per_s=(len(tokens) - 1) / (elapsed - first) if len(tokens) > 1 else None,
                )
            )
            if progress:
                progress(1)
        return found

    def _generate(self, prompt: list[int]) -> tuple[list[int], float]:
        """The generated tokens and the seconds to the first one."""
        started = time.perf_counter()
        logits, cache = self.read_prompt(prompt)
        first = time.perf_counter() - started
        room = min(self.max_new_tokens, self.context - len(prompt))
        tokens = [self._best(logits, [], room)]
        while len(tokens) < room and tokens[-1] not in self.stop_token_ids:
            logits, cache = self._step(self.decode, tokens[-1:], len(prompt) + len(tokens) - 1, cache)
            tokens.append(self._best(logits, tokens, room))
        return tokens, first

    def _best(self, logits: Any, answer: list[int], room: int) -> int:
        """The token with the largest logit, of those that may come."""
        if not self.grammar:
            return int(logits.argmax())
        allowed = self.grammar.allowed(answer, room)
        return int(allowed[logits[allowed].argmax()])

    def read_prompt(self, prompt: Sequence[int]) -> tuple[Any, dict[str, Any]]:
        """The logits after `prompt` (a vector over the vocabulary) and the cache."""
        import numpy as np

        cache = {name: np.zeros(shape, np.float32) for name, shape in self.cache_shapes.items()}
        for start in range(0, len(prompt) - 1, self.chunk):
            # Padding writes to cache slots that later tokens overwrite before anything may look at them.
            chunk = list(prompt[start : min(start + self.chunk, len(prompt) - 1)])
            _, cache = self._step(self.prefill, chunk + [0] * (self.chunk - len(chunk)), start, cache)
        return self._step(self.decode, prompt[-1:], len(prompt) - 1, cache)

    def _step(
        self, signature: Any, tokens: Sequence[int], position: int, cache: dict[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        import numpy as np

        positions = np.arange(position, position + len(tokens), dtype=np.int32)
        ahead = np.arange(self.context)[None, :] > positions[:, None]
        mask = np.where(ahead, -np.inf, 0).astype(np.float32)[None, None]
        outputs = signature(tokens=np.array([tokens], np.int32), input_pos=positions, mask=mask, **cache)
        logits = outputs.pop("logits", None)
        return (None if logits is None else logits[0, -1]), outputs


def read_tflite(task_or_tflite: Path) -> bytes:
    """The bytes of the model: of a `.tflite` file itself, of a `.task` its model entry."""
    if not task_or_tflite.is_file():
        raise InputError(f"{task_or_tflite.name} is missing", expected="a .task or .tflite file", where=task_or_tflite)
    if not zipfile.is_zipfile(task_or_tflite):
        return task_or_tflite.read_bytes()
    with zipfile.ZipFile(task_or_tflite) as bundle:
        if MODEL_ENTRY not in bundle.namelist():
            raise InputError(f"no {MODEL_ENTRY} in the bundle", expected="a MediaPipe .task", where=task_or_tflite)
        return bundle.read(MODEL_ENTRY)
