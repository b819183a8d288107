"""curator's part of benchmarks/datagen_peers.py: asks the server for each prompt of a job, writes what it got."""

import json
import sys
import time
from pathlib import Path

from bespokelabs import curator
from datasets import Dataset


class Paraphraser(curator.LLM):
    """Plain text out, as fast as it goes: the driver checks it."""

    def prompt(self, input):
        return [{"role": "system", "content": input["system"]}, {"role": "user", "content": input["prompt"]}]

    def parse(self, input, response):
        return {"answer": response}


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    rows = Dataset.from_list([{"system": job["system"], "prompt": prompt} for prompt in job["prompts"]])
    llm = Paraphraser(
        model_name="openai/local",
        backend="litellm",  # its openai backend counts tokens with a table from the net
        backend_params={
            "base_url": job["base_url"],
            "api_key": "none",
            "max_concurrent_requests": job["in_flight"],
            "max_requests_per_minute": 1_000_000,
            "max_tokens_per_minute": 1_000_000_000,
            "seconds_to_pause_on_rate_limit": 1,
            "max_retries": 6,
            "require_all_responses": False,
        },
    )
    started = time.monotonic()
    answers = [row["answer"] for row in llm(rows).dataset]
    seconds = time.monotonic() - started
    Path(sys.argv[2]).write_text(json.dumps({"seconds": seconds, "answers": answers}), "utf-8")


if __name__ == "__main__":
    main()
