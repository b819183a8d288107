"""The reference runtime: transformers on torch, greedy and batched."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketmoji.core.records import Prediction
from pocketmoji.core.runtime import Progress
from pocketmoji.core.text.grammar import Grammar
from pocketmoji.core.text.prompt import asked
from pocketmoji.evaluate.runtimes.greedy import common_prefix, decode, fits, masked, read_prefix
from pocketmoji.evaluate.runtimes.tokens import load_tokenizer, prediction, prompt_tokens

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class TorchRuntime:
    """Greedy decoding of a model folder, or of a model and tokenizer that are loaded already.

    `rendered` puts a text to the model: the project's prompt, or another model's own chat template. On a CPU in 32-bit
    floats, the yardstick of every export; on CUDA in bfloat16. A model that is handed in is used as it is, where it is,
    and gets its training mode back. Prompts are sorted by length, so that a batch has little padding, and padded on the
    left. What all prompts begin with is computed once (a Gemma 3 within its window). `seconds` of a prediction is its
    share of the batch's time; the time to the first token is not known. With a `grammar` only tokens that it allows are
    said.
    """

    name = "torch"

    def __init__(
        self,
        model_folder: Path,
        stop_token_ids: Sequence[int],
        max_new_tokens: int,
        batch_size: int,
        model: Any = None,
        tokenizer: Tokenizer | None = None,
        rendered: Callable[[str], str] = asked,
        grammar: Grammar | None = None,
    ) -> None:
        self.tokenizer = tokenizer or load_tokenizer(model_folder)
        self.model = load_model(model_folder) if model is None else model
        self.stop_token_ids = list(stop_token_ids)
        self.max_new_tokens = max_new_tokens
        self.batch_size = batch_size
        self.rendered = rendered
        self.grammar = grammar

    def predict(self, texts: Sequence[str], progress: Progress | None = None) -> list[Prediction]:
        """One prediction per text, in the order of `texts`."""
        prompts = prompt_tokens(self.tokenizer, texts, self.rendered)
        # The longest first: if memory is short, it shows at once.
        order = sorted(range(len(texts)), key=lambda i: (-len(prompts[i]), i))
        found: dict[int, Prediction] = {}
        was_training = self.model.training
        self.model.eval()
        alike = bool(prompts) and fits(self.model, prompts, self.max_new_tokens)
        try:
            decode_batch = self._decoder(common_prefix(prompts)) if alike else self._generate
            for start in range(0, len(order), self.batch_size):
                batch = order[start : start + self.batch_size]
                started = time.perf_counter()
                generated = decode_batch([prompts[i] for i in batch])
                seconds = (time.perf_counter() - started) / len(batch)
                for i, tokens in zip(batch, generated, strict=True):
                    found[i] = prediction(self.tokenizer, texts[i], tokens, self.stop_token_ids, seconds=seconds)
                if progress:
                    progress(len(batch))
        finally:
            self.model.train(was_training)
        return [found[i] for i in range(len(texts))]

    def step(self, tokens: Sequence[int], state: Any) -> tuple[Any, Any]:
        """The logits after `tokens` (a vector) and a cache with them; None is the state before a prompt."""
        import torch
        from transformers import DynamicCache

        cache: Any = deepcopy(state) or DynamicCache()  # it grows in place, and several answers go on from a state
        ids = torch.tensor([list(tokens)], device=self.model.device)
        with torch.inference_mode():
            out = self.model(input_ids=ids, cache=cache, use_cache=True, logits_to_keep=1)
        return out.logits[0, -1].float().cpu().numpy(), cache

    def _decoder(self, prefix: list[int]) -> Callable[[list[list[int]]], list[list[int]]]:
        """Decodes batches of prompts that all begin with `prefix`."""
        import torch

        with torch.inference_mode():
            cache = read_prefix(self.model, prefix)

        def decoded(prompts: list[list[int]]) -> list[list[int]]:
            rests = [prompt[len(prefix) :] for prompt in prompts]
            with torch.inference_mode():
                limits = self.stop_token_ids, self.max_new_tokens, self.grammar
                return decode(self.model, cache, len(prefix), rests, *limits)

        return decoded

    def _generate(self, prompts: list[list[int]]) -> list[list[int]]:
        import torch
        from transformers import GenerationConfig

        longest, limit = max(map(len, prompts)), self.max_new_tokens
        pad = self.stop_token_ids[0]  # any token will do: it is masked before a prompt and cut off after an answer
        device = self.model.device
        ids = torch.tensor([[pad] * (longest - len(p)) + p for p in prompts], device=device)
        mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts], device=device)
        # A configuration of our own: a checkpoint's may ask for sampling. generate() keeps a cache and asks for the
        # last position's logits only.
        settings = GenerationConfig(
            max_new_tokens=limit,
            do_sample=False,
            num_beams=1,
            use_cache=True,
            eos_token_id=self.stop_token_ids,
            pad_token_id=pad,
        )
        processors = []
        if grammar := self.grammar:
            processors.append(lambda so_far, logits: masked(logits, grammar, so_far[:, longest:].tolist(), limit))
        with torch.inference_mode():
            out = self.model.generate(
                input_ids=ids, attention_mask=mask, generation_config=settings, logits_processor=processors
            )
        return out[:, longest:].tolist()


def load_model(folder: Path) -> Any:
    """The causal language model in `folder`, in 32-bit floats, as its exported files compute, ready to answer: in
    bfloat16 a GPU would round the weights off the grid that they were trained on."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # it takes a second; the bar is noise between our own
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
