"""The `ray` executor's client: the real one runs in a Ray cluster's workers, one per CPU; requests go there in turn.

Limits, ceilings and the journal stay where they are, in the process that was started (async_executor.py): no worker
writes anything, so what a run on a cluster leaves behind is finished by any other executor.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

from pocketmoji.core.console import say
from pocketmoji.core.errors import InputError
from pocketmoji.datagen.clients.client import Answer, Busy, Client
from pocketmoji.datagen.requests.request import Request


class RayClient:
    """Hands requests to `workers` Ray actors (0: one per CPU of the cluster), each with a client that `open_client`
    opens there.

    The cluster is the one that Ray finds (RAY_ADDRESS), else one that it starts here. InputError without Ray.
    """

    def __init__(self, name: str, open_client: Callable[[], Client], workers: int = 0) -> None:
        self.name = name
        self._open_client, self._wanted = open_client, workers
        self._turn: Iterator[Any] | None = None

    async def send(self, request: Request) -> Answer:
        if self._turn is None:
            self._turn = cycle(self._start())
        import ray.exceptions

        try:
            answer: Answer = await next(self._turn).send.remote(request)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:  # a worker or its machine died; Ray starts another
            raise Busy(f"a Ray worker failed: {str(error).splitlines()[0]}") from error
        return answer

    async def close(self) -> None:
        """The workers stay: the next round asks them again."""

    def _start(self) -> list[Any]:
        ray = _connected()

        class Worker:
            def __init__(self, open_client: Callable[[], Client]) -> None:
                self._client = open_client()

            async def send(self, request: Request) -> Answer:
                return await self._client.send(request)

        workers = self._wanted or max(1, int(ray.cluster_resources().get("CPU", 1)))
        say(f"datagen: {workers} Ray workers")
        actor = ray.remote(num_cpus=1, max_restarts=-1)(Worker)
        return [actor.remote(self._open_client) for _ in range(workers)]


def _connected() -> Any:
    try:
        import ray
    except ImportError as error:
        raise InputError(
            "--executor ray needs Ray, which is not installed",
            expected="the package ray",
            remedy="pip install 'pocketmoji[ray]', or use --executor async",
        ) from error
    if not ray.is_initialized():
        own: dict[str, Any] = {} if os.environ.get("RAY_ADDRESS") else {"include_dashboard": False}
        ray.init(log_to_driver=False, configure_logging=False, **own)
    return ray
