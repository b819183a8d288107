"""LiteRT-LM on the CPU: what apps on Android, iOS and desktops run a `.litertlm` with."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from pocketmoji.core.errors import InputError
from pocketmoji.core.records import Prediction
from pocketmoji.core.runtime import Progress
from pocketmoji.core.text.plain import plain
from pocketmoji.evaluate.runtimes.tokens import load_tokenizer, prediction


class LitertLmRuntime:
    """Greedy answers of a `.litertlm`. Only the phrase goes in: the prompt around it and the stop tokens are those that
    the file's own metadata names, as they are in an app.

    The engine tells text and no tokens: they are read off the answer's text, and one that is shorter than the limit has
    stopped.
    """

    name = "litert-lm"

    def __init__(self, file: Path, tokenizer_folder: Path, stop_token_ids: Sequence[int], max_new_tokens: int) -> None:
        import litert_lm

        if not file.is_file():
            raise InputError(f"{file.name} is missing", expected="a .litertlm file", where=file)
        litert_lm.set_min_log_severity(litert_lm.LogSeverity.SILENT)
        self.tokenizer = load_tokenizer(tokenizer_folder)
        self.stop_token_ids = list(stop_token_ids)
        self.max_new_tokens = max_new_tokens
        self.greedy = litert_lm.SamplerConfig(top_k=1, top_p=1.0, temperature=1.0, seed=1)
        try:
            # Without a cache: it is as large as the model, and would lie beside it.
            self.engine = litert_lm.Engine(str(file), backend=litert_lm.Backend.CPU(), cache_dir=":nocache")
        except RuntimeError as error:
            raise InputError(f"LiteRT-LM does not load {file.name}", expected="a .litertlm file", where=file) from error

    def predict(self, texts: Sequence[str], progress: Progress | None = None) -> list[Prediction]:
        """One prediction per text, in the order of `texts`."""
        found = []
        for text in texts:
            started = time.perf_counter()
            with self.engine.create_session(
                apply_prompt_template=True, sampler_config=self.greedy, max_output_tokens=self.max_new_tokens
            ) as session:
                session.run_prefill([plain(text)])
                raw = session.run_decode().texts[0]
            seconds = time.perf_counter() - started
            tokens = self.tokenizer.encode(raw, add_special_tokens=False).ids
            if len(tokens) < self.max_new_tokens:
                tokens.append(self.stop_token_ids[0])
            found.append(prediction(self.tokenizer, text, tokens, self.stop_token_ids, seconds=seconds))
            if progress:
                progress(1)
        return found
