"""A model behind an OpenAI-compatible endpoint: how a large one does on the same texts, as a yardstick."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pocketmoji.core.chat.address import chat_addresses
from pocketmoji.core.chat.dialect import Dialect
from pocketmoji.core.chat.reply import Completion, Fault, completion_in, decoded, fault_in, is_elsewhere
from pocketmoji.core.console import say
from pocketmoji.core.errors import InputError
from pocketmoji.core.records import Prediction
from pocketmoji.core.runtime import Progress
from pocketmoji.core.text.prompt import SYSTEM

AT_ONCE = 4
LIMIT_S = 120
RETRIES = 5
LONGEST_WAIT_S = 60.0
# How often a server may refuse the form of a request: it has fewer things to refuse.
MOST_LEARNT = 24
# Other vocabularies spell an emoji in up to four tokens: a limit made for ours would cut their answers off.
TOKENS_PER_TOKEN = 4


class OpenaiRuntime:
    """Greedy answers (temperature 0) from the chat completions of a server, wherever below `address` it has them, with
    the key in $OPENAI_API_KEY if there is one.

    429 and 5xx are tried again, five times, waiting as long as the server asks; what the server does not take (a system
    turn, a temperature) it is asked without. The tokens are not told.
    """

    name = "openai"

    def __init__(self, address: str, model: str, max_new_tokens: int, backoff_s: float = 1.0) -> None:
        key = os.environ.get("OPENAI_API_KEY")
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.pools: dict[str, Any] = {}
        self.dialect = Dialect(chat_addresses(address))
        self.model, self.backoff_s = model, backoff_s
        self.max_tokens = max_new_tokens * TOKENS_PER_TOKEN

    def predict(self, texts: Sequence[str], progress: Progress | None = None) -> list[Prediction]:
        """One prediction per text, in the order of `texts`, a few at a time. InputError if the server will
        not answer.
        """
        found = []

        def noted(one: Prediction) -> None:
            found.append(one)
            if progress:
                progress(1)

        # The first alone: what the server does not take is learnt once.
        for text in texts[:1]:
            noted(self._answer(text))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for one in pool.map(self._answer, texts[1:]):
                noted(one)
        return found

    def _answer(self, text: str) -> Prediction:
        from urllib3.exceptions import HTTPError

        failed = 0
        for _ in range(MOST_LEARNT):
            body = self.dialect.body(self.model, SYSTEM, text, temperature=0, most_tokens=self.max_tokens)
            address = self.dialect.address
            started = time.perf_counter()
            try:
                found, fault = self._post(address, body)
            except HTTPError as error:
                if self._tell(self.dialect.other_scheme(address, type(error).__name__)):
                    continue
                failed += 1
                self._wait(failed, None, _unanswered(error, address))
                continue
            if fault is None:
                return self._prediction(text, found, address, time.perf_counter() - started)
            characters = len(SYSTEM) + len(text)
            if self._tell(self.dialect.learn(body, fault, characters, blind=fault.status < 500)):
                continue
            failed += 1
            if failed > 2 and fault.status in (500, 501):
                self._tell(self.dialect.learn(body, fault, characters, blind=True))
            refused = _refused(fault, self.dialect.address)
            if fault.status != 429 and fault.status < 500:
                raise refused
            self._wait(failed, fault.wait, refused)
        raise InputError(f"the endpoint refuses every form of the request: {fault}", where=address)

    def _post(self, address: str, body: dict[str, Any]) -> tuple[Any, Fault | None]:
        """What came back, and the error that it is, if it is one. Goes on to other addresses until one is right."""
        while True:
            response = self._pool(address).request("POST", address, json=body)
            found = decoded(response.data)
            fault = fault_in(response.status, found, response.headers)
            if self.dialect.answered or not is_elsewhere(response.status, fault, found):
                return found, fault
            location = response.headers.get("Location", "") if 300 <= response.status < 400 else ""
            learnt = self.dialect.elsewhere(address, f"answers {response.status}", location)
            if learnt is None:
                return found, fault
            self._tell(learnt)
            address = self.dialect.address

    def _pool(self, address: str) -> Any:
        """The connections to a server, through the proxy that the environment names for it."""
        from urllib3 import PoolManager, ProxyManager

        parts = urlsplit(address)
        if parts.netloc not in self.pools:
            settings: dict[str, Any] = {
                "retries": False,
                "maxsize": AT_ONCE,
                "timeout": LIMIT_S,
                "headers": self.headers,
            }
            proxy = None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)
            self.pools[parts.netloc] = ProxyManager(proxy, **settings) if proxy else PoolManager(**settings)
        return self.pools[parts.netloc]

    def _tell(self, learnt: str | None) -> bool:
        """Says what was learnt; whether anything was."""
        if learnt:
            say(f"openai:{self.model}: {learnt}")
        return learnt is not None

    def _wait(self, failed: int, told: float | None, error: InputError) -> None:
        """Waits to ask again; `error` if it was asked often enough."""
        if failed > RETRIES or (told or 0) > LONGEST_WAIT_S:
            raise error
        time.sleep(self.backoff_s * 2 ** (failed - 1) if told is None else told)

    def _prediction(self, text: str, found: Any, address: str, seconds: float) -> Prediction:
        completion: Completion = completion_in(found)
        if not isinstance(found, dict) or not (found.get("choices") or found.get("message")):
            raise InputError(
                f"the endpoint's answer is no chat completion: {str(found)[:200]}",
                expected='{"choices": [{"message": {"content": ...}, "finish_reason": "stop"}]}',
                where=address,
            )
        self.dialect.answered = True
        raw = "" if completion.thoughts_only else completion.text
        return Prediction(text=text, raw=raw, tokens=[], stopped=completion.ended, seconds=seconds)


def _unanswered(error: Exception, address: str) -> InputError:
    return InputError(
        f"the endpoint does not answer: {type(error).__name__}",
        where=address,
        remedy="check the address, and that the server runs",
    )


def _refused(fault: Fault, address: str) -> InputError:
    return InputError(
        f"the endpoint answers {fault.status}: {fault.message[:200]}",
        expected="200 with a chat completion",
        where=address,
        remedy="check the address, the model's name and $OPENAI_API_KEY" if fault.status in (401, 403, 404) else None,
    )
