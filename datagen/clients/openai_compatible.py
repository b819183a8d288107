"""The `openai` teacher's client: any server that speaks OpenAI's chat completions (vLLM, Ollama, llama.cpp, OpenAI)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pocketmoji.core.chat.address import chat_addresses, models_address, server_root
from pocketmoji.core.chat.dialect import Dialect, is_about_room
from pocketmoji.core.chat.reply import Fault, completion_in, decoded, fault_in, is_elsewhere, is_model_gone, is_page
from pocketmoji.core.console import say
from pocketmoji.core.errors import TeacherError
from pocketmoji.datagen.clients.client import Answer, Learnt, TooMuch, failure, names_told, no_connection
from pocketmoji.datagen.requests.request import Request

KEY = "OPENAI_API_KEY"
LONGEST_CONNECT = 30.0
# Servers that fail at what they do not know of say 500 and no more. A lone one may well be chance.
BLIND_FROM = 3


def dialect_of(base_url: str) -> Dialect:
    """What is known of a server before anything was sent: where it may be found (OpenAI's own, if that is empty)."""
    return Dialect(chat_addresses(base_url or "https://api.openai.com/v1"))


class OpenAIClient:
    """Talks to one model at `base_url` (OpenAI's own, or OPENAI_BASE_URL, if that is empty). What is learnt about the
    server is kept in `dialect`, for the clients that come after this one.

    Headers are the `openai` client's, with all that it takes from the environment; the request itself is one POST of
    aiohttp, since that client needs 0.7 ms for one, six times as long.
    """

    def __init__(self, model: str, key: str, dialect: Dialect, timeout: float, given: str = "") -> None:
        from openai import OpenAI

        self.name = f"openai:{model}"
        self._model, self._dialect, self._timeout = model, dialect, timeout
        self._given = given
        with OpenAI(api_key=key, base_url=server_root(dialect.address)) as client:
            headers = client.default_headers | client.auth_headers
        # Not those that say which library is calling: it is not that one.
        self._headers = {
            name: value
            for name, value in headers.items()
            if isinstance(value, str) and not name.startswith(("X-Stainless", "User-Agent"))
        }
        self._session: Any = None
        self._proxies: dict[str, str | None] = {}
        self._nameless = 0

    def fits(self, request: Request) -> bool:
        """Whether there is room for the request and its answer, as far as is known."""
        return self._room(request) is not None

    def _room(self, request: Request) -> int | None:
        characters = len(request.instructions) + len(request.prompt)
        return self._dialect.room(request.most_output_tokens, request.likely_tokens[1], characters)

    async def send(self, request: Request) -> Answer:
        dialect, most = self._dialect, self._room(request)
        if most is None:
            raise TooMuch(f"too long for what {self.name} takes")
        body = dialect.body(
            self._model,
            request.instructions,
            request.prompt,
            temperature=request.temperature,
            most_tokens=most,
            schema=request.schema,
            in_one_turn="" if dialect.system else request.in_one_turn,
        )
        address = dialect.address
        try:
            status, headers, raw = await self._post(address, body)
        except Exception as error:
            failed = no_connection(error, self._timeout)
            learnt = None if failed.slow else dialect.other_scheme(address, str(failed)[:80])
            raise (failed if learnt is None else Learnt(learnt)) from error
        found = decoded(raw)
        fault = fault_in(status, found, headers)
        if fault is None and (dialect.answered or not is_page(found)):
            return self._answer(found)
        if not dialect.answered and is_elsewhere(status, fault, found):
            self._moved(address, headers, status)
        if fault is None:
            return Answer(str(found))
        await self._refused(body, fault, len(request.instructions) + len(request.prompt))
        raise failure(self.name, fault.status, fault.message, fault.wait, fault.body, where=address, key=KEY)

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    def _answer(self, found: Any) -> Answer:
        dialect, completion = self._dialect, completion_in(found)
        if not dialect.answered and completion.text:
            dialect.answered = True
            here = server_root(dialect.address)
            if self._given and here != self._given.rstrip("/"):
                say(f"{self.name}: chat completions are at {here}")
        return Answer(completion.text, completion.tokens, completion.cut, completion.model, completion.thoughts_only)

    async def _refused(self, body: dict[str, Any], fault: Fault, characters: int) -> None:
        """Raises Learnt or TooMuch if the refusal says how to ask better, TeacherError if the model is not there."""
        if is_model_gone(fault) and fault.status in (400, 404, 422, 500):
            raise TeacherError(
                f"{self.name} is not there ({fault.status} {fault.message[:200]})",
                expected=f"one of {names_told(self._model, names)}" if (names := await self._models()) else None,
                where=self._dialect.address,
                remedy="give the name that the server has with --teacher-model",
            )
        self._nameless += fault.status in (500, 501)
        learnt = self._dialect.learn(body, fault, characters, blind=fault.status < 500)
        if learnt is not None:
            raise Learnt(learnt)
        if self._nameless >= BLIND_FROM and (guess := self._dialect.learn(body, fault, characters, blind=True)):
            say(f"{self.name}: {guess} (a guess: the server gives no reason)")
        if is_about_room(fault):
            raise TooMuch(f"{self.name}: {fault.message[:300]}")

    def _moved(self, address: str, headers: Any, status: int) -> None:
        """Raises Learnt if there is another address to try, TeacherError if there is none."""
        location = headers.get("Location", "") if 300 <= status < 400 else ""
        learnt = self._dialect.elsewhere(address, f"answers {status}", location)
        if learnt is not None:
            raise Learnt(learnt)
        raise TeacherError(
            f"there are no chat completions at {self._given or address}",
            expected="a server of OpenAI's protocol, such as http://localhost:8080/v1",
            where=f"tried {'; '.join(self._dialect.tried)}",
            remedy="give --base-url as the server's own page says it, up to and with /v1, and see that it runs there",
        )

    async def _post(self, address: str, body: dict[str, Any]) -> tuple[int, Any, bytes]:
        sent = self._opened().post(
            address, data=json.dumps(body).encode(), proxy=self._proxy(address), allow_redirects=False
        )
        async with sent as reply:
            return reply.status, reply.headers, await reply.read()

    async def _models(self) -> list[str]:
        """The names of the models that the server has; none if it does not say."""
        address = models_address(self._dialect.address)
        try:
            async with self._opened().get(address, proxy=self._proxy(address)) as reply:
                found = decoded(await reply.read())
        except Exception as error:
            no_connection(error)
            return []
        listed = found.get("data", found.get("models")) if isinstance(found, dict) else found
        rows = listed if isinstance(listed, list) else []
        return [str(row.get("id") or row.get("name")) for row in rows if isinstance(row, dict)]

    def _opened(self) -> Any:
        """The connections, which belong to the event loop that first sends something."""
        if self._session is None:
            from aiohttp import ClientSession, ClientTimeout, TCPConnector

            self._session = ClientSession(
                # How many may be open is the executor's business.
                connector=TCPConnector(limit=0),
                timeout=ClientTimeout(
                    # Some servers send a blank now and then while they work, which is no answer.
                    total=2 * self._timeout + LONGEST_CONNECT,
                    sock_connect=min(self._timeout, LONGEST_CONNECT),
                    sock_read=self._timeout,
                ),
                headers=self._headers,
            )
        return self._session

    def _proxy(self, address: str) -> str | None:
        """The proxy that the environment names for this address; aiohttp would look it up each time, in a thread."""
        if address not in self._proxies:
            parts, named = urlsplit(address), getproxies()
            past = proxy_bypass(parts.hostname or "")
            self._proxies[address] = None if past else named.get(parts.scheme) or named.get("all")
        return self._proxies[address]
