"""distilabel's part of benchmarks/datagen_peers.py: asks the server for each prompt of a job, writes what it got."""

import json
import sys
import time
from pathlib import Path

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    rows = [{"instruction": prompt, "system_prompt": job["system"]} for prompt in job["prompts"]]
    with Pipeline(name="paraphrases", cache_dir=job["folder"]) as pipeline:
        loaded = LoadDataFromDicts(data=rows, batch_size=len(rows))
        llm = OpenAILLM(
            model="local",
            base_url=job["base_url"],
            api_key="none",
            max_retries=6,
            generation_kwargs={"max_new_tokens": 1024, "temperature": 1.0},
        )
        asked = TextGeneration(llm=llm, input_batch_size=job["in_flight"])
        loaded >> asked
    started = time.monotonic()
    found = pipeline.run(use_cache=False)
    answers = [row["generation"] for row in found["default"]["train"]]
    seconds = time.monotonic() - started
    Path(sys.argv[2]).write_text(json.dumps({"seconds": seconds, "answers": answers}), "utf-8")


if __name__ == "__main__":
    main()
