"""A model behind an OpenAI-compatible endpoint: how a large one does on the same texts, as a yardstick."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pocketmoji.core.errors import InputError
from pocketmoji.core.prompt import messages
from pocketmoji.core.records import Prediction
from pocketmoji.core.runtime import Progress

AT_ONCE = 4
LIMIT_S = 120
RETRIES = 5
# Other vocabularies spell an emoji in up to four tokens: a limit made for ours would cut their answers off.
TOKENS_PER_TOKEN = 4


class OpenaiRuntime:
    """Greedy answers (temperature 0) from POST `address`/chat/completions, with the key in $OPENAI_API_KEY if there is
    one.

    429 and 5xx are tried again, five times, waiting as long as the server asks. The tokens are not told.
    """

    name = "openai"

    def __init__(self, address: str, model: str, max_new_tokens: int, backoff_s: float = 1.0) -> None:
        from urllib3 import PoolManager, ProxyManager, Retry

        again = Retry(
            total=RETRIES,
            status_forcelist=[429, 500, 502, 503, 504],
            allowed_methods=["POST"],
            backoff_factor=backoff_s,
            raise_on_status=False,
        )
        self.address = address.rstrip("/") + "/chat/completions"
        key = os.environ.get("OPENAI_API_KEY")
        settings: dict[str, Any] = {
            "retries": again,
            "maxsize": AT_ONCE,
            "timeout": LIMIT_S,
            "headers": {"Authorization": f"Bearer {key}"} if key else {},
        }
        proxy = _proxy(self.address)
        self.pool = ProxyManager(proxy, **settings) if proxy else PoolManager(**settings)
        self.model = model
        self.max_tokens = max_new_tokens * TOKENS_PER_TOKEN

    def predict(self, texts: Sequence[str], progress: Progress | None = None) -> list[Prediction]:
        """One prediction per text, in the order of `texts`, a few at a time. InputError if the server will
        not answer.
        """
        found = []
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for one in pool.map(self._answer, texts):
                found.append(one)
                if progress:
                    progress(1)
        return found

    def _answer(self, text: str) -> Prediction:
        from urllib3.exceptions import HTTPError

        body: Any = {"model": self.model, "messages": messages(text), "temperature": 0, "max_tokens": self.max_tokens}
        started = time.perf_counter()
        try:
            response = self.pool.request("POST", self.address, json=body)
        except HTTPError as error:
            raise InputError(
                f"the endpoint does not answer: {type(error).__name__}",
                where=self.address,
                remedy="check the address, and that the server runs",
            ) from error
        if response.status != 200:
            raise InputError(
                f"the endpoint answers {response.status}: {_text(response)}",
                expected="200 with a chat completion",
                where=self.address,
                remedy="check the model's name and $OPENAI_API_KEY" if response.status in (401, 403, 404) else None,
            )
        raw, ended = _read(response, self.address)
        return Prediction(text=text, raw=raw, tokens=[], stopped=ended, seconds=time.perf_counter() - started)


def _proxy(address: str) -> str | None:
    """The proxy that the environment names for an address."""
    parts = urlsplit(address)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


def _text(response: Any) -> str:
    return str(response.data.decode("utf-8", "replace")[:200])


def _read(response: Any, address: str) -> tuple[str, bool]:
    """The first choice's raw text, and whether the model ended it."""
    try:
        choice = response.json()["choices"][0]
        return choice["message"]["content"] or "", choice.get("finish_reason") == "stop"
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(
            f"the endpoint's answer is no chat completion: {_text(response)}",
            expected='{"choices": [{"message": {"content": ...}, "finish_reason": "stop"}]}',
            where=address,
        ) from error
