"""Addresses and errors of OpenAI-compatible servers, as they are found in the wild."""

from __future__ import annotations

from typing import Any

import pytest

from pocketmoji.core.chat.address import chat_addresses
from pocketmoji.core.chat.dialect import Dialect
from pocketmoji.core.chat.reply import fault_in
from pocketmoji.core.errors import InputError

ADDRESS = "http://h/v1/chat/completions"


@pytest.mark.parametrize(
    ("given", "first"),
    [
        ("http://127.0.0.1:8116", "http://127.0.0.1:8116/v1/chat/completions"),
        ("127.0.0.1:8116/v1/", "http://127.0.0.1:8116/v1/chat/completions"),
        ("localhost:8080", "http://localhost:8080/v1/chat/completions"),
        ("openrouter.ai/api/v1", "https://openrouter.ai/api/v1/chat/completions"),
        ("https://h/openai/deployments/d/chat/completions?a=2", "https://h/openai/deployments/d/chat/completions?a=2"),
        ("http://h:11434/api/chat", "http://h:11434/v1/chat/completions"),
        ("https://h/v1beta/openai/", "https://h/v1beta/openai/chat/completions"),
        (" 'http://h/v1' ", ADDRESS),
        ("[::1]:8080", "http://[::1]:8080/v1/chat/completions"),
    ],
)
def test_the_likeliest_address(given: str, first: str) -> None:
    assert chat_addresses(given)[0] == first


def test_a_key_does_not_travel_in_the_clear_for_want_of_a_scheme() -> None:
    assert {one.partition(":")[0] for one in chat_addresses("api.example.com")} == {"https"}
    assert {one.partition(":")[0] for one in chat_addresses("localhost:8080")} == {"http", "https"}


@pytest.mark.parametrize("given", ["", "ws://h", "http://", "http://h:port", "http://a b/v1"])
def test_what_is_no_address(given: str) -> None:
    with pytest.raises(InputError, match="no address of a server"):
        chat_addresses(given)


@pytest.mark.parametrize(
    ("words", "context", "most_output"),
    [
        ("The decoder prompt (length 5000) is longer than the maximum model length of 4096.", 4096, None),
        ("the model is loaded with context length of only 4096 tokens, which is not enough", 4096, None),
        ("This endpoint's maximum context length is 32,768 tokens. However, you requested about 40000", 32768, None),
        ("prompt is too long: 210000 tokens > 200000 maximum", 200000, None),
        ("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000", 200000, None),
        ("Prompt contains 40000 tokens, too large for model with 32768 maximum context length", 32768, None),
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", None, 8192),
        ("max_tokens is too large: 6912. This model supports at most 4096 completion tokens", None, 4096),
        ("the input length exceeds the context length", None, None),
    ],
)
def test_the_room_for_tokens_is_read_from_an_error(words: str, context: int | None, most_output: int | None) -> None:
    dialect = Dialect([ADDRESS])
    sent = dialect.body("m", "s", "u", temperature=0, most_tokens=6912, schema={})
    fault = fault_in(400, {"error": {"message": words}})
    assert fault and dialect.learn(sent, fault, 3600)
    assert (dialect.context, dialect.most_output) == (context, most_output)
    assert dialect.frugal == (context is None and most_output is None)


def test_a_request_sent_before_something_was_learnt_teaches_nothing() -> None:
    dialect = Dialect([ADDRESS])
    sent = dialect.body("m", "s", "u", temperature=0, most_tokens=100, schema={})
    fault = fault_in(400, {"error": {"message": "response_format is not supported"}})
    assert fault and dialect.learn(sent, fault, 100) and dialect.form == "json_object"
    assert dialect.learn(sent, fault, 100) == "" and dialect.form == "json_object"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": {"message": "m", "code": 429}}, 429),
        ({"error": {"message": "m", "code": "503"}}, 503),
        ({"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}, 401),
        ({"error": "rate limit exceeded"}, 429),
        ({"detail": "Not Found"}, 404),
        ({"message": "No healthy upstream", "code": "x"}, 500),
        ({"status": "error", "message": "temporarily unavailable"}, 503),
        ([{"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}}], 400),
    ],
)
def test_an_error_under_a_status_of_200(body: Any, status: int) -> None:
    fault = fault_in(200, body)
    assert fault and fault.status == status


@pytest.mark.parametrize(
    "body",
    [
        {"choices": [{"message": {"content": "x"}}], "error": None},
        {"choices": [{"message": {"content": "x"}}], "base_resp": {"status_code": 0}},
        {"message": {"role": "assistant", "content": "x"}, "done": True},
        {},
    ],
)
def test_what_is_no_error(body: Any) -> None:
    assert fault_in(200, body) is None
