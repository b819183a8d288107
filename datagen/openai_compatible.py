"""The `openai` teacher's client: any server that speaks OpenAI's chat completions (vLLM, Ollama, llama.cpp, OpenAI)."""

from __future__ import annotations

from typing import Any

from datagen.client import Answer, Busy, failure, is_network, wait_told
from datagen.request import Request

TIMEOUT_S = 120.0
KEY = "OPENAI_API_KEY"


class OpenAIClient:
    """Talks to one model at `base_url` (OpenAI's own, or OPENAI_BASE_URL, if that is empty)."""

    def __init__(self, model: str, key: str, base_url: str | None = None) -> None:
        from openai import AsyncOpenAI, DefaultAioHttpClient

        self.name = f"openai:{model}"
        self._model = model
        # We retry ourselves, as the server says; the client's own retries would not count against the ceilings.
        self._client = AsyncOpenAI(
            api_key=key, base_url=base_url or None, max_retries=0, timeout=TIMEOUT_S, http_client=DefaultAioHttpClient()
        )
        self._where = str(self._client.base_url)
        self._format: str | None = "json_schema"
        self._limit_name = "max_tokens"

    async def send(self, request: Request) -> Answer:
        import openai

        try:
            # Below the typed methods: their walks through the schema take longer than everything else together.
            completion = await self._client.post(
                "/chat/completions",
                cast_to=object,
                body={
                    "model": self._model,
                    "messages": [
                        {"role": "system", "content": request.instructions},
                        {"role": "user", "content": request.prompt},
                    ],
                    "temperature": request.temperature,
                    self._limit_name: request.most_output_tokens,
                    **self._response_format(request),
                },
            )
        except openai.BadRequestError as error:
            if self._adapt(str(error)):
                raise Busy(f"400 {error.message}"[:200], told=0.0) from error
            raise self._failure(error) from error
        except openai.APIStatusError as error:
            raise self._failure(error) from error
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            raise Busy(f"no connection: {cause or type(cause).__name__}", billed=True) from error
        except ValueError:  # status 200, said to be JSON, and is not
            return Answer("<not JSON>")
        except Exception as error:
            if not is_network(error):
                raise
            raise Busy(f"no connection: {error or type(error).__name__}", billed=True) from error
        return _answer(completion)

    async def close(self) -> None:
        await self._client.close()

    def _response_format(self, request: Request) -> dict[str, Any]:
        if self._format != "json_schema":
            return {"response_format": {"type": self._format}} if self._format else {}
        schema = {"name": "answer", "strict": True, "schema": request.schema}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}

    def _failure(self, error: Any) -> Exception:
        headers = error.response.headers
        body = error.body
        told = wait_told(body if isinstance(body, dict) else {}, headers)
        return failure(self.name, error.status_code, error.message, told, body, where=self._where, key=KEY)

    def _adapt(self, problem: str) -> bool:
        """True if the server refused an option that it can do without; the next attempt leaves it out."""
        if self._format and ("response_format" in problem or "json_schema" in problem):
            self._format = "json_object" if self._format == "json_schema" else None
            return True
        if self._limit_name == "max_tokens" and "max_completion_tokens" in problem:
            self._limit_name = "max_completion_tokens"
            return True
        return False


def _answer(completion: Any) -> Answer:
    """The text and the tokens of a completion; what is no completion (a page of HTML) is a text that will not pass."""
    if not isinstance(completion, dict):
        return Answer(completion if isinstance(completion, str) else "")
    try:
        text = completion["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        return Answer("")
    usage = completion.get("usage")
    if not isinstance(usage, dict) or "prompt_tokens" not in usage:
        return Answer(text if isinstance(text, str) else "")
    tokens = int(usage["prompt_tokens"] or 0), int(usage.get("completion_tokens") or 0)
    return Answer(text if isinstance(text, str) else "", tokens)
