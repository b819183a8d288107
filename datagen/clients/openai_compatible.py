"""The `openai` teacher's client: any server that speaks OpenAI's chat completions (vLLM, Ollama, llama.cpp, OpenAI)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pocketmoji.datagen.clients.client import Answer, Busy, failure, no_connection, wait_told
from pocketmoji.datagen.requests.request import Request

TIMEOUT_S = 120.0
KEY = "OPENAI_API_KEY"


class OpenAIClient:
    """Talks to one model at `base_url` (OpenAI's own, or OPENAI_BASE_URL, if that is empty).

    Address and headers are the `openai` client's, with all that it takes from the environment; the request itself is
    one POST of aiohttp, since that client needs 0.7 ms for one, six times as long.
    """

    def __init__(self, model: str, key: str, base_url: str | None = None) -> None:
        from openai import OpenAI

        self.name = f"openai:{model}"
        self._model = model
        with OpenAI(api_key=key, base_url=base_url or None) as client:
            self._where = str(client.base_url)
            headers = client.default_headers | client.auth_headers
        # Not those that say which library is calling: it is not that one.
        self._headers = {
            name: value
            for name, value in headers.items()
            if isinstance(value, str) and not name.startswith(("X-Stainless", "User-Agent"))
        }
        self._session: Any = None
        self._format: str | None = "json_schema"
        self._limit_name = "max_tokens"

    async def send(self, request: Request) -> Answer:
        body = {
            "model": self._model,
            "messages": [
                {"role": "system", "content": request.instructions},
                {"role": "user", "content": request.prompt},
            ],
            "temperature": request.temperature,
            self._limit_name: request.most_output_tokens,
            **self._response_format(request),
        }
        try:
            async with self._opened().post(f"{self._where}chat/completions", data=json.dumps(body).encode()) as reply:
                status, headers, raw = reply.status, reply.headers, await reply.read()
        except Exception as error:
            raise no_connection(error) from error
        try:
            found = json.loads(raw)
        except ValueError:
            found = raw.decode("utf-8", "replace")
        if status < 300:
            return _answer(found)
        details = found.get("error", found) if isinstance(found, dict) else found
        problem = str(details.get("message", details) if isinstance(details, dict) else details)
        if status == 400 and self._adapt(str(found)):
            raise Busy(f"400 {problem}"[:200], told=0.0)
        told = wait_told(details, headers)
        raise failure(self.name, status, problem, told, details, where=self._where, key=KEY)

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    def _opened(self) -> Any:
        """The connections, which belong to the event loop that first sends something."""
        if self._session is None:
            from aiohttp import ClientSession, ClientTimeout, TCPConnector

            self._session = ClientSession(
                # How many may be open is the executor's business.
                connector=TCPConnector(limit=0),
                timeout=ClientTimeout(sock_connect=TIMEOUT_S, sock_read=TIMEOUT_S),
                headers=self._headers,
                # aiohttp would look this up for every request, in a thread.
                proxy=_proxy(self._where),
            )
        return self._session

    def _response_format(self, request: Request) -> dict[str, Any]:
        if self._format != "json_schema":
            return {"response_format": {"type": self._format}} if self._format else {}
        schema = {"name": "answer", "strict": True, "schema": request.schema}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}

    def _adapt(self, problem: str) -> bool:
        """True if the server refused an option that it can do without; the next attempt leaves it out."""
        if self._format and ("response_format" in problem or "json_schema" in problem):
            self._format = "json_object" if self._format == "json_schema" else None
            return True
        if self._limit_name == "max_tokens" and "max_completion_tokens" in problem:
            self._limit_name = "max_completion_tokens"
            return True
        return False


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for this address, if it names one."""
    parts, named = urlsplit(url), getproxies()
    if proxy_bypass(parts.hostname or ""):
        return None
    return named.get(parts.scheme) or named.get("all")


def _answer(completion: Any) -> Answer:
    """The text and the tokens of a completion; what is no completion (a page of HTML) is a text that will not pass."""
    if not isinstance(completion, dict):
        return Answer(completion if isinstance(completion, str) else "")
    try:
        choice = completion["choices"][0]
        text, cut = choice["message"]["content"], choice.get("finish_reason") == "length"
    except (KeyError, IndexError, TypeError, AttributeError):
        return Answer("")
    text = text if isinstance(text, str) else ""
    usage = completion.get("usage")
    if not isinstance(usage, dict) or "prompt_tokens" not in usage:
        return Answer(text, cut=cut)
    return Answer(text, (int(usage["prompt_tokens"] or 0), int(usage.get("completion_tokens") or 0)), cut)
