"""How close datagen comes to a server's own limit: 50 ms a reply, at most 100 requests in flight, 5% of the answers a
429, a 500 or no JSON.

One side is the server's own limit in the same run, measured by a bare client (raw sockets, no client library, no
checking, no retries) that keeps 100 connections busy with the very bytes that datagen sent for its first request. It
is measured before and after the other side, and the higher figure counts. The other side is datagen's async executor
with the openai teacher: requests planned and sent, replies checked, written to the journal and read back, faults asked
again. Both are rated by the good replies that the server counted a second, so that a fault helps neither. The value is
the median of several rounds.

    python -m benchmarks.datagen_throughput
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import sys
import tempfile
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.records import Seed
from pocketmoji.datagen.executors.async_executor import AsyncExecutor
from pocketmoji.datagen.executors.budget import Budget
from pocketmoji.datagen.executors.journal import Journal
from pocketmoji.datagen.requests.teacher import Ask
from pocketmoji.datagen.teachers.model_teacher import ModelTeacher, plan
from pocketmoji.datagen.teachers.teachers import client_opener
from tests.datagen.model_server import good, openai_body, reply

LATENCY, IN_FLIGHT, BAD = 0.05, 100, 0.05
PARAPHRASES = 8
NAME = "openai:local"
BAR = 0.9


async def serve(counts: Any, port: Any) -> None:
    """A minimal HTTP server in one process: keep-alive, a fixed latency, a limit in flight, and its share of faults.

    Every good reply is the same one, made beforehand, so that the server leaves the processor to whom it serves."""
    styles = {str(style): "" for style in range(1, PARAPHRASES + 1)}
    whole = json.dumps(openai_body(good([{"number": 1, "text": "Seed", "styles": styles, "avoid": []}]))).encode()
    none = json.dumps(openai_body(reply("I would rather not."))).encode()
    rng = random.Random(0)
    busy = 0

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal busy
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"
                )
                await reader.readexactly(length)
                busy += 1
                over = busy > IN_FLIGHT
                await asyncio.sleep(LATENCY)
                busy -= 1
                lot = rng.random()
                fault = lot / BAD if lot < BAD else 1.0
                status, extra = "200 OK", b""
                if over or fault < 1 / 3:
                    status, extra, data = "429 Too Many Requests", b"Retry-After: 0.05\r\n", b'{"error": "slow down"}'
                elif fault < 2 / 3:
                    status, data = "500 Internal Server Error", b'{"error": "oops"}'
                elif fault < 1:
                    data = none
                else:
                    data = whole
                counts[0] += 1
                counts[1] += status.startswith("200") and fault == 1
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n".encode()
                    + extra
                    + b"\r\n"
                    + data
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0, backlog=512)
    port.value = server.sockets[0].getsockname()[1]
    await server.serve_forever()


def server_process(counts: Any, port: Any) -> None:
    asyncio.run(serve(counts, port))


async def bare(port: int, request: bytes, seconds: float) -> None:
    """Keeps 100 connections busy with one and the same request, with nothing but a socket each."""
    stop = time.monotonic() + seconds

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() < stop:
            writer.write(request)
            answered = await reader.readuntil(b"\r\n\r\n")
            length = int(answered.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
        writer.close()

    await asyncio.gather(*(one() for _ in range(IN_FLIGHT)))


async def sent_bytes(config: DatagenConfig) -> bytes:
    """What datagen sends for its first request, head and body."""
    received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        received.set_result(head + await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(connection, "127.0.0.1", 0)
    here = settings(listening.sockets[0].getsockname()[1])
    client = client_opener(NAME, here, {"OPENAI_API_KEY": "x"})()
    await client.send(next(plan(NAME, asks(1), config)))
    await client.close()
    listening.close()
    return await received


def server(counts: Any, port: Any) -> Any:
    """The server in a process of its own; returns once it listens."""
    process = multiprocessing.get_context("spawn").Process(target=server_process, args=(counts, port), daemon=True)
    process.start()
    while not port.value:
        time.sleep(0.05)
    return process


def shared_counts() -> tuple[Any, Any]:
    """(requests that came and good replies that went, the port), shared with the server."""
    context = multiprocessing.get_context("spawn")
    return context.Array("q", [0, 0]), context.Value("i", 0)


def asks(count: int) -> list[Ask]:
    """One request's worth each: eight paraphrases of a seed."""
    return [Ask(Seed(seed_id=f"s{n}", text=f"Seed number {n}", emoji="🎉", line=n), PARAPHRASES) for n in range(count)]


def settings(port: int) -> DatagenConfig:
    return DatagenConfig(
        teacher="openai",
        teacher_model="local",
        base_url=f"http://127.0.0.1:{port}/v1",
        concurrency=IN_FLIGHT,
        seeds_per_request=1,
    )


def ours(asked: list[Ask], config: DatagenConfig) -> tuple[float, int]:
    """(seconds, rows) of datagen: requests, checked replies, the synced journal, retries; imports are not counted."""
    import aiohttp  # noqa: F401
    import openai  # noqa: F401

    with tempfile.TemporaryDirectory() as folder, closing(Journal(Path(folder) / "journal")) as journal:
        budget = Budget(NAME, config, journal)
        executor = AsyncExecutor(NAME, client_opener(NAME, config, {"OPENAI_API_KEY": "x"}), journal, budget, config)
        teacher = ModelTeacher(NAME, executor, journal, budget, config)
        started = time.monotonic()
        rows = sum(map(len, teacher.paraphrase(asked, lambda n: None)))
        return time.monotonic() - started, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    count: int = options.requests
    counts, port = shared_counts()
    process = server(counts, port)
    config = settings(port.value)
    request = asyncio.run(sent_bytes(config))

    def limit_now() -> float:
        counts[0] = counts[1] = 0
        started = time.monotonic()
        asyncio.run(bare(port.value, request, 6.0))
        return float(counts[1] / (time.monotonic() - started))

    limits, rates, rows_a_second, sent, good_ones = [limit_now()], [], [], 0, 0
    for _ in range(options.rounds):
        counts[0] = counts[1] = 0
        taken, rows = ours(asks(count), config)
        sent, good_ones = sent + counts[0], good_ones + counts[1]
        rates.append(count / taken)
        rows_a_second.append(rows / taken)
        limits.append(limit_now())
        print(f"{rates[-1]:.0f} good replies/s; the server's own limit is {limits[-1]:.0f}", file=sys.stderr)
    process.terminate()
    ratios = [rate / max(around) for rate, around in zip(rates, pairwise(limits), strict=True)]
    value = median(ratios)
    print(
        json.dumps(
            {
                "claim": "datagen reaches 0.9 of the server's own limit although 5% of the answers are faults",
                "value": round(value, 3),
                "bar": BAR,
                "holds": value >= BAR,
                "ratios": [round(ratio, 3) for ratio in ratios],
                "requests_per_second": round(median(rates), 1),
                "server_limit": round(median(limits), 1),
                "rows_per_second": round(median(rows_a_second), 1),
                "requests_sent": sent,
                "good_replies": good_ones,
                "good_replies_repeated": good_ones - count * options.rounds,
                "theoretical_limit": IN_FLIGHT / LATENCY,
                "compared_with": "the server's own limit; the other toolkits: benchmarks/datagen_peers.py",
            }
        )
    )


if __name__ == "__main__":
    main()
