"""The `gemini` teacher's client: one request to a Gemini model, through google-genai."""

from __future__ import annotations

from typing import Any

from pocketmoji.datagen.clients.client import Answer, failure, no_connection, wait_told
from pocketmoji.datagen.requests.request import Request

TIMEOUT_MS = 120_000
KEY = "GEMINI_API_KEY (or GOOGLE_API_KEY)"


def make_client(key: str, base_url: str | None) -> Any:
    """A google-genai client that leaves retrying to us: it does not know the delay that the server asks for."""
    from google import genai
    from google.genai import types

    # The client's own choice of version differs between its releases; v1beta is the one whose reference has response
    # schemas and batch jobs.
    options = types.HttpOptions(
        base_url=base_url or None,
        api_version="v1beta",
        timeout=TIMEOUT_MS,
        retry_options=types.HttpRetryOptions(attempts=1),
    )
    return genai.Client(api_key=key, vertexai=False, http_options=options)


def generation_config(request: Request, model: str) -> Any:
    """What goes along with the prompt: instructions, schema, temperature, and the limit that bounds the cost."""
    from google.genai import types

    config = types.GenerateContentConfig(
        system_instruction=request.instructions,
        temperature=request.temperature,
        max_output_tokens=request.most_output_tokens,
        response_mime_type="application/json",
        response_schema=_without_extras(request.schema),
    )
    # Thoughts are billed as output and cut the answer short: no more of them than a model insists on, or has room for.
    room, pro = request.thinking_tokens, "pro" in model
    if model.startswith("gemini-2.5"):
        config.thinking_config = types.ThinkingConfig(thinking_budget=max(room, 128 if pro else 0))
    elif model.startswith("gemini-3") and not room:
        level = types.ThinkingLevel.LOW if pro else types.ThinkingLevel.MINIMAL
        config.thinking_config = types.ThinkingConfig(thinking_level=level)
    return config


def answer_of(response: Any) -> Answer:
    """The text of a response, the tokens that it is billed for, and whether it was cut off."""
    from google.genai import types

    first, text, usage = next(iter(response.candidates or ()), None), response.text or "", response.usage_metadata
    cut = first is not None and first.finish_reason == types.FinishReason.MAX_TOKENS
    if usage is None:
        return Answer(text, cut=cut)
    sent = usage.prompt_token_count or 0
    return Answer(text, (sent, max(0, (usage.total_token_count or sent) - sent)), cut)


class GeminiClient:
    """Talks to one model. `base_url` (or GOOGLE_GEMINI_BASE_URL) names another server that speaks the Gemini API."""

    def __init__(self, model: str, key: str, base_url: str | None = None) -> None:
        self.name = f"gemini:{model}"
        self._model, self._where = model, base_url or "the Gemini API"
        self._client = make_client(key, base_url)

    async def send(self, request: Request) -> Answer:
        from google.genai import errors

        try:
            response = await self._client.aio.models.generate_content(
                model=self._model, contents=request.prompt, config=generation_config(request, self._model)
            )
        except errors.APIError as error:
            told = wait_told(error.details, getattr(error.response, "headers", None))
            problem = f"{error.status or ''}: {error.message or ''}"
            raise failure(self.name, error.code, problem, told, error.details, where=self._where, key=KEY) from error
        except ValueError:  # status 200 but no JSON in it: as good as a malformed reply
            return Answer("<not JSON>")
        except Exception as error:
            raise no_connection(error) from error
        return answer_of(response)

    async def close(self) -> None:
        await self._client.aio.aclose()


def _without_extras(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema in the form that the Gemini API takes, which knows no additionalProperties."""
    kept = {key: value for key, value in schema.items() if key != "additionalProperties"}
    if "items" in kept:
        kept["items"] = _without_extras(kept["items"])
    if "properties" in kept:
        kept["properties"] = {name: _without_extras(part) for name, part in kept["properties"].items()}
    return kept
