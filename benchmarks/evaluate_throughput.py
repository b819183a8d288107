"""Claim: the torch runtime answers at least ten times as many texts a second as the cookbook notebook's way.

The notebook's way is one text at a time through transformers' `pipeline`, with the model's chat template and up to as
many new tokens. Both sides answer the same 200 texts of the cookbook's kind with the same model and dtype, in one run,
in this order: a warm-up of either, then the pipeline, then the runtime. Usage:

    python benchmarks/evaluate_throughput.py MODEL DATASET [TEXTS]

One line of JSON at the end; exits 0 whether it holds or not.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from pocketmoji.core.records import Example, read_jsonl
from pocketmoji.core.runtime import stop_token_ids
from pocketmoji.core.text.prompt import CHAT_TEMPLATE, messages
from pocketmoji.evaluate.runtimes.torch_runtime import TorchRuntime, load_model

BAR, TEXTS, LIMIT, BATCH = 10.0, 200, 16, 64


def main() -> None:
    import torch
    from transformers import AutoTokenizer, pipeline

    folder, dataset = Path(sys.argv[1]), Path(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else TEXTS
    texts = list(dict.fromkeys(row.text for row in read_jsonl(dataset / "train.jsonl", Example)))[:count]
    model = load_model(folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = tokenizer.chat_template or CHAT_TEMPLATE  # a base has none
    ask: Any = pipeline("text-generation", model=model, tokenizer=tokenizer)
    options = {"max_new_tokens": LIMIT, "do_sample": False, "return_full_text": False}
    runtime = TorchRuntime(folder, stop_token_ids(folder), LIMIT, BATCH, model=model)

    def one_by_one(some: list[str]) -> list[str]:
        return [ask(messages(text), **options)[0]["generated_text"] for text in some]

    one_by_one(texts[:2])
    runtime.predict(texts[:2])
    started = time.perf_counter()
    plain = one_by_one(texts)
    slow = time.perf_counter() - started
    started = time.perf_counter()
    batched = runtime.predict(texts)
    fast = time.perf_counter() - started
    said = [text["content"] if isinstance(text, dict) else text for text in plain]
    same = sum(one == other.raw for one, other in zip(said, batched, strict=True))
    result = {
        "claim": "the torch runtime answers 10 times as many texts a second as `pipeline` does one at a time",
        "value": round(slow / fast, 2),
        "bar": BAR,
        "holds": slow / fast >= BAR,
        "texts": len(texts),
        "pipeline_texts_per_s": round(len(texts) / slow, 2),
        "runtime_texts_per_s": round(len(texts) / fast, 2),
        "same_answers": same,
        "vocabulary": model.config.vocab_size,
        "tokens_per_answer": round(sum(len(one.tokens) for one in batched) / len(texts), 1),
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.is_available(),
        "load_average": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
