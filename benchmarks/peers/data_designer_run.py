"""DataDesigner's part of benchmarks/datagen_peers.py: asks the server for each prompt of a job, writes what it got."""

import json
import sys
import time
from pathlib import Path

import data_designer.config as dd
import pandas
from data_designer.interface import DataDesigner


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    provider = dd.ModelProvider(name="local", endpoint=job["base_url"], api_key="none")
    parameters = dd.ChatCompletionInferenceParams(
        temperature=1.0, max_tokens=1024, max_parallel_requests=job["in_flight"]
    )
    model = dd.ModelConfig(
        alias="text", model="local", provider="local", inference_parameters=parameters, skip_health_check=True
    )
    builder = dd.DataDesignerConfigBuilder(model_configs=[model])
    builder.with_seed_dataset(dd.DataFrameSeedSource(df=pandas.DataFrame({"asked": job["prompts"]})))
    builder.add_column(
        dd.LLMTextColumnConfig(name="answer", prompt="{{ asked }}", system_prompt=job["system"], model_alias="text")
    )
    designer = DataDesigner(artifact_path=job["folder"], model_providers=[provider])
    count = len(job["prompts"])
    designer.set_run_config(
        dd.RunConfig(buffer_size=count, disable_early_shutdown=True, max_in_flight_tasks=2 * job["in_flight"])
    )
    started = time.monotonic()
    answers = designer.create(builder, num_records=count, dataset_name="peers").load_dataset()["answer"].tolist()
    seconds = time.monotonic() - started
    Path(sys.argv[2]).write_text(json.dumps({"seconds": seconds, "answers": answers}), "utf-8")


if __name__ == "__main__":
    main()
