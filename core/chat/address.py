"""Where a server of OpenAI's protocol takes chat completions, from whatever a user copied as its address."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit, urlunsplit

from pocketmoji.core.errors import InputError

CHAT = "/chat/completions"
# What people copy along: a whole endpoint of this protocol, or of Ollama's own.
ENDPOINT = re.compile(
    r"(/api/(chat|generate|tags|embed\w*)|/chat(/completions)?|/completions|/models|/responses)$", re.I
)
VERSION = re.compile(r"/v\d+\w*$", re.I)
# Where servers are found that were named by their host alone, the commonest first.
ROOTS = ("/v1", "", "/api/v1", "/openai/v1", "/api")


def chat_addresses(given: str) -> list[str]:
    """The addresses to send a chat completion to that `given` may stand for, the likeliest first: it may lack its
    scheme or its /v1, end in a slash, have a prefix or a query, or be the whole endpoint. InputError if it is none."""
    text = given.strip().strip("'\"<>")
    schemes = [""]
    if "://" not in text:
        text = "//" + text.lstrip("/")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _no_address(given) from error
    if parts.scheme not in ("", "http", "https") or not host or re.search(r"\s", text):
        raise _no_address(given)
    # A key must not travel in the clear only because a scheme was left out.
    schemes = [parts.scheme] if parts.scheme else ["http", "https"] if _is_near(host, port) else ["https"]
    path = re.sub(r"/{2,}", "/", parts.path).rstrip("/")
    path = ENDPOINT.sub("", path).rstrip("/")
    if not path:
        roots = list(ROOTS)
    elif VERSION.search(path):
        roots = [path, f"{path}/openai", VERSION.sub("", path)]
    else:
        roots = [path, f"{path}/v1", "/v1"]
    found = [urlunsplit(SplitResult(s, parts.netloc, root + CHAT, parts.query, "")) for s in schemes for root in roots]
    return list(dict.fromkeys(found))


def models_address(chat_address: str) -> str:
    """Where the same server lists its models."""
    return chat_address.replace(CHAT, "/models", 1)


def server_root(chat_address: str) -> str:
    """The address as it is given with --base-url."""
    return chat_address.replace(CHAT, "", 1)


def _is_near(host: str, port: int | None) -> bool:
    """True for what is likely to be a machine of one's own, which seldom has a certificate."""
    try:
        ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".local", ".lan", ".internal", ".home")) or port not in (None, 443)
    return True


def _no_address(given: str) -> InputError:
    return InputError(
        f"{given!r} is no address of a server",
        expected="for instance http://localhost:8080/v1 or https://openrouter.ai/api/v1",
        where="--base-url (or OPENAI_BASE_URL)",
    )
