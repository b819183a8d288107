"""The `transformers` teacher's client: a local instruction model in this very process."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import Any

from pocketmoji.core.errors import TeacherError
from pocketmoji.core.workspace import digest_json
from pocketmoji.datagen.clients.client import Answer
from pocketmoji.datagen.requests.request import Request


class LocalModel:
    """A folder or a Hub repository of an instruction model. One request at a time; drawn from the request's
    fingerprint, the number of the attempt and the random seed: the same request gets the same replies in every run, and
    another one when the first was of no use."""

    def __init__(self, model: str, random_seed: int = 0) -> None:
        self.name = f"transformers:{model}"
        self._model_name, self._random_seed = model, random_seed
        self._loaded: tuple[Any, Any] | None = None
        self._attempts: Counter[str] = Counter()
        # The executor asks from many threads; torch's random state is one for all of them.
        self._alone = threading.Lock()

    async def send(self, request: Request) -> Answer:
        return await asyncio.to_thread(self._alone_with, request)

    async def close(self) -> None:
        """Stays loaded: the next round asks it again."""

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            from transformers import AutoModelForCausalLM, AutoTokenizer

            try:
                tokenizer = AutoTokenizer.from_pretrained(self._model_name)
                model = AutoModelForCausalLM.from_pretrained(self._model_name, dtype="auto")
            except (OSError, ValueError) as error:
                raise TeacherError(
                    f"{self._model_name} cannot be loaded ({str(error).splitlines()[0][:200]})",
                    expected="a folder or a Hub repository with an instruction model",
                    remedy="check --teacher-model, or use --teacher offline",
                ) from error
            self._loaded = tokenizer, model.eval()
        return self._loaded

    def _alone_with(self, request: Request) -> Answer:
        with self._alone:
            self._attempts[request.fingerprint] += 1
            return self._generate(request)

    def _generate(self, request: Request) -> Answer:
        import torch

        tokenizer, model = self._load()
        if not tokenizer.chat_template:
            raise TeacherError(
                f"{self._model_name} has no chat template",
                expected="an instruction model, not a pretrained one",
                remedy="name another with --teacher-model, or use --teacher offline",
            )
        # One user turn: some templates know no system turn.
        turns = [{"role": "user", "content": f"{request.instructions}\n\n{request.prompt}"}]
        inputs = tokenizer.apply_chat_template(
            turns,
            add_generation_prompt=True,
            enable_thinking=bool(request.thinking_tokens),  # for the templates that know of it
            return_tensors="pt",
            return_dict=True,
        )
        inputs = {name: value.to(model.device) for name, value in inputs.items()}
        drawn = f"{self._random_seed} {self._attempts[request.fingerprint]} {request.fingerprint}"
        torch.manual_seed(int(digest_json(drawn)[:8], 16))
        with torch.inference_mode():
            sampling = {"do_sample": True, "temperature": request.temperature} if request.temperature else {}
            output = model.generate(**inputs, **sampling, max_new_tokens=request.most_output_tokens)
        sent = inputs["input_ids"].shape[1]
        written = int(output.shape[1]) - sent
        text = tokenizer.decode(output[0, sent:], skip_special_tokens=True)
        return Answer(text, (sent, written), cut=written >= request.most_output_tokens)
