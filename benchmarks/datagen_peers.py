"""Claim: datagen brings in at least as many rows a second as the best of curator, distilabel and DataDesigner, and
repeats fewer requests that were answered well.

All ask the server of datagen_throughput.py (50 ms a reply, 100 in flight, 5% of the answers a 429, a 500 or no JSON)
for the same prompts, in turn, several times. The others in virtual environments of their own, in their leanest setting:
plain text out, 100 requests in flight, no pause that their settings allow to shorten; they check no schema, so what is
no JSON is a lost row for them, where datagen asks again. Imports are not counted.

    python -m benchmarks.datagen_peers --work DIR [--requests 1000] [--repeats 3]

One line of JSON at the end; exits 0 whether it holds or not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.datagen_throughput import IN_FLIGHT, asks, ours, server, settings, shared_counts
from pocketmoji.datagen.requests.request import Request
from pocketmoji.datagen.teachers.model_teacher import plan

PEERS = {
    "curator": ["bespokelabs-curator==0.1.31"],
    "distilabel": ["distilabel==1.5.3", "openai", "requests"],
    "data_designer": ["data-designer==0.9.7"],
}
LONGEST_S = 300


def installed(work: Path, name: str) -> Path:
    """The Python of a virtual environment that has the peer."""
    python = work / name / "bin" / "python"
    if not (work / name / "ready").is_file():
        subprocess.run([sys.executable, "-m", "venv", work / name], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-compile", *PEERS[name]], check=True)
        (work / name / "ready").touch()
    return python


def run_peer(python: Path, name: str, work: Path, requests: list[Request], port: int) -> tuple[float, int]:
    """(seconds, rows) of one peer; a row counts if its reply keeps to the schema."""
    folder = work / f"{name}-files"
    folder.mkdir(exist_ok=True)
    job = {
        "base_url": f"http://127.0.0.1:{port}/v1",
        "in_flight": IN_FLIGHT,
        "folder": str(folder),
        "system": requests[0].instructions,
        "prompts": [request.prompt for request in requests],
    }
    (folder / "job.json").write_text(json.dumps(job), "utf-8")
    (folder / "result.json").unlink(missing_ok=True)
    quiet = {"CURATOR_DISABLE_CACHE": "1", "CURATOR_DISABLE_RICH_DISPLAY": "1", "TELEMETRY_ENABLED": "0"}
    script = Path(__file__).parent / "peers" / f"{name}_run.py"
    with open(folder / "log", "w") as log:
        subprocess.run(
            [python, script, folder / "job.json", folder / "result.json"],
            env={
                **os.environ,
                **quiet,
                "NEMO_TELEMETRY_ENABLED": "false",
                "CURATOR_CACHE_DIR": str(folder / "cache"),
                "OPENAI_API_KEY": "none",
                "OPENAI_API_BASE": job["base_url"],
            },
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=LONGEST_S,
            check=True,
            cwd=folder,
        )
    found = json.loads((folder / "result.json").read_text("utf-8"))
    return found["seconds"], rows_of(requests[0], found["answers"])


def rows_of(request: Request, answers: list[Any]) -> int:
    """Paraphrases in those answers that keep to the schema."""
    rows = 0
    for answer in answers:
        try:
            rows += sum(map(len, request.check(str(answer))))
        except ValueError:
            continue
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="where the others' virtual environments are kept")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    counts, port = shared_counts()
    process = server(counts, port)
    config = settings(port.value)
    asked = asks(options.requests)
    requests = list(plan("openai:local", asked, config))
    sides: dict[str, Callable[[], tuple[float, int]]] = {"pocketmoji": lambda: ours(asked, config)}
    for name in PEERS:
        python = installed(work, name)
        sides[name] = lambda python=python, name=name: run_peer(python, name, work, requests, port.value)
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    failed: dict[str, str] = {}
    for _ in range(options.repeats):
        for name, side in sides.items():
            if name in failed:
                continue
            counts[0] = counts[1] = 0
            try:
                seconds, rows = side()
            except (subprocess.SubprocessError, OSError, ValueError) as error:
                failed[name] = str(error)[-300:]
                continue
            one = {
                "rows_per_second": rows / seconds,
                "rows": rows,
                "sent": counts[0],
                "repeated": max(0, counts[1] - len(asked)),
            }
            runs[name].append(one)
            print(f"{name}: {seconds:.1f} s, {rows} rows, {counts[0]} requests", file=sys.stderr)
    process.terminate()
    found = {
        name: {key: round(median(run[key] for run in some), 1) for key in some[0]}
        for name, some in runs.items()
        if some
    }
    mine = found["pocketmoji"]
    others = {name: values for name, values in found.items() if name != "pocketmoji"}
    best = max(others, key=lambda name: others[name]["rows_per_second"]) if others else ""
    ratio = mine["rows_per_second"] / others[best]["rows_per_second"] if best else 0.0
    fewer = all(mine["repeated"] <= other["repeated"] for other in others.values())
    result = {
        "claim": "rows a second, of the best of the other toolkits; and no more well answered requests repeated",
        "value": round(ratio, 2),
        "bar": 1.0,
        "holds": ratio >= 1 and fewer and not failed,
        "best_of_the_others": best,
        "medians": found,
        "failed": failed,
        "requests": options.requests,
        "repeats": options.repeats,
        "load_average": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
