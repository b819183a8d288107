"""What a server of OpenAI's protocol said: the text of a completion, or the error that it is, whatever its status."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import Any

# Errors without a code are told by their words, the first that fits.
MEANINGS = (
    (402, r"add credits|insufficient (credit|balance|fund)|out of credit|payment required|billing hard limit"),
    (401, r"api.?key|unauthori[sz]ed|unauthenticated|authentication|invalid.?token|permission|forbidden"),
    (429, r"rate.?limit|too many requests|resource.?exhausted|quota|throttl|slow down"),
    (404, r"not.?found|does not exist|unknown model|no such|unexpected endpoint"),
    (503, r"overload|unavailable|capacity|busy|temporar|try again|retry|timed? ?out|loading"),
    (400, r"context|invalid|unsupported|not support|bad.?request|must be|too long|malformed|require"),
)
MODEL_GONE = re.compile(
    r"model\b.{0,60}?(not found|doe?s ?n[o']t exist|not exist|not a valid|not loaded|(not|no longer) available|retired|"
    r"decommissioned)|(unknown|invalid|no such|nonexistent) model|no models? (is )?(loaded|found)|model_not_found|"
    r"is not a valid model",
    re.I | re.S,
)
# A model that is there, and does not take an option.
AN_OPTION = re.compile(r"response.?format|json|schema|temperature|system|max_|tokens", re.I)
# No use to wait for these.
LASTING = re.compile(r"per.?day|daily|insufficient_quota|per.?month|monthly|add credits|credit balance", re.I)
AGAIN_IN = re.compile(
    r"(?:again|retry)\w* (?:in|after) (?:(\d+)\s*h\w*)?\s*(?:(\d+)\s*m(?:in\w*)?(?!s))?\s*"
    r"(?:(\d+(?:\.\d+)?)\s*(ms|s)\w*)?",
    re.I,
)


@dataclass(frozen=True)
class Fault:
    """An error of the server: its status (that of the body, where one stands there), its message, all the words that it
    says of itself, its body and the seconds that it asks to wait, if it does."""

    status: int
    message: str
    words: str
    body: Any
    wait: float | None


@dataclass(frozen=True)
class Completion:
    """A completion's text, whether the limit on its tokens `cut` it off, the input and output tokens it is billed for
    (None: not said), who answered (the server's word for its model), whether thoughts are all that came, and whether
    the model itself ended it."""

    text: str
    cut: bool
    tokens: tuple[int, int] | None
    model: str
    thoughts_only: bool
    ended: bool


def is_model_gone(fault: Fault) -> bool:
    """True if the server does not have the model that was named."""
    return bool(MODEL_GONE.search(fault.words)) and not AN_OPTION.search(fault.message)


def decoded(raw: bytes) -> Any:
    """A reply's body: JSON if it is that, the last event of a stream, else its text."""
    text = raw.decode("utf-8", "replace").lstrip("\ufeff").strip()
    try:
        return json.loads(text)
    except ValueError:
        pass
    if text.startswith(("data:", ":", "event:")):
        for line in reversed(text.splitlines()):
            try:
                return json.loads(line.removeprefix("data:"))
            except ValueError:
                continue
    return text


def is_page(body: Any) -> bool:
    """True for what a web page answers, not an API."""
    return isinstance(body, str) and body.lstrip()[:1] == "<"


def is_elsewhere(status: int, fault: Fault | None, body: Any) -> bool:
    """True if this is no server of chat completions, or not the place where it has them."""
    if fault is None:
        return is_page(body)
    if is_model_gone(fault):
        return False
    return status in (404, 405) or 300 <= status < 400 or "unexpected endpoint" in fault.message.lower()


def fault_in(status: int, body: Any, headers: Any = None) -> Fault | None:
    """The error that a reply is: by its status, or by its body under a status of 200; None if it is no error."""
    error = _error_of(body)
    if status < 300 and error is None:
        return None
    error = body if error is None else error
    message = " ".join(_message(error).split())[:600]
    words = f"{message} {' '.join(_labels(error))}"
    wait = wait_told(body, headers)
    return Fault(status if status >= 300 else _status_of(error, words), message, words, body, wait)


def completion_in(body: Any) -> Completion:
    """The first choice of a completion, in any of the shapes that servers give it; what is none has no text."""
    if not isinstance(body, dict):
        return Completion(body if isinstance(body, str) else "", False, None, "", False, False)
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else body
    message = choice.get("message") or choice.get("delta") or {}
    message = message if isinstance(message, dict) else {"content": message}
    reason = choice.get("finish_reason") or choice.get("done_reason") or choice.get("stop_reason")
    text, thoughts_only = _text(message.get("content")), False
    text = text or _text(choice.get("text")) or _called(message) or _text(message.get("refusal"))
    if not text:
        text = _text(message.get("reasoning_content") or message.get("reasoning") or message.get("thinking"))
        thoughts_only = bool(text)
    usage = body.get("usage")
    tokens = None
    if isinstance(usage, dict) and "prompt_tokens" in usage:
        tokens = (int(usage["prompt_tokens"] or 0), int(usage.get("completion_tokens") or 0))
    cut = reason in ("length", "max_tokens")
    return Completion(text, cut, tokens, str(body.get("model") or ""), thoughts_only, reason == "stop")


def wait_told(body: Any, headers: Any) -> float | None:
    """Seconds that a reply asks to wait: Google's RetryInfo in its details, Retry-After (seconds or a date; OpenRouter
    puts the headers into the body), else what its message says."""
    error = _error_of(body)
    error = error if isinstance(error, dict) else body if isinstance(body, dict) else {}
    details = error.get("details")
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, dict) and str(detail.get("@type", "")).endswith("RetryInfo"):
            match = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(detail.get("retryDelay", "")))
            if match:
                return float(match[1])
    metadata = error.get("metadata")
    inside = metadata.get("headers") if isinstance(metadata, dict) else None
    for given in (headers, inside, metadata, error):
        found = _wait_in(
            {str(name).lower().replace("-", "_"): value for name, value in dict(given or {}).items()}
            if hasattr(given, "items")
            else {}
        )
        if found is not None:
            return found
    said = AGAIN_IN.search(_message(error))
    if said and any(said.groups()):
        hours, minutes, seconds, unit = said.groups()
        return 3600 * float(hours or 0) + 60 * float(minutes or 0) + float(seconds or 0) / (1000 if unit == "ms" else 1)
    return None


def _wait_in(fields: dict[str, Any]) -> float | None:
    if re.fullmatch(r"\d+(\.\d+)?", str(fields.get("retry_after_ms", ""))):
        return float(fields["retry_after_ms"]) / 1000
    after = str(fields.get("retry_after") or fields.get("retry_after_seconds") or "").strip().removesuffix("s")
    if re.fullmatch(r"\d+(?:\.\d+)?", after):
        return float(after)
    reset = str(fields.get("x_ratelimit_reset", ""))
    if re.fullmatch(r"1\d{12}", reset):  # milliseconds since 1970
        return max(0.0, float(reset) / 1000 - time.time())
    if after:
        from datetime import UTC, datetime
        from email.utils import parsedate_to_datetime

        try:
            return max(0.0, (parsedate_to_datetime(str(fields["retry_after"])) - datetime.now(UTC)).total_seconds())
        except (ValueError, TypeError, KeyError):
            return None
    return None


def _error_of(body: Any) -> Any:
    """The part of a body that says what went wrong; None if the body is no error."""
    if isinstance(body, list):
        return next((_error_of(part) for part in body if isinstance(part, dict) and _error_of(part)), None)
    if not isinstance(body, dict):
        return None
    choices = body.get("choices")
    if isinstance(choices, list) and choices:
        first = choices[0] if isinstance(choices[0], dict) else {}
        return first["error"] if first.get("error") and not completion_in(body).text else None
    for name in ("error", "errors", "detail", "Error"):
        if body.get(name):
            # Its siblings often have the code.
            found = body[name]
            return found if isinstance(found, dict | list) else {**body, "message": found}
    base = body.get("base_resp")
    if isinstance(base, dict) and base.get("status_code"):
        return base
    failed = str(body.get("status", "")).lower() in ("error", "failed", "failure") or body.get("success") is False
    coded = any(name in body for name in ("code", "status", "statusCode", "type")) or len(body) == 1
    if failed or body.get("object") == "error" or (coded and isinstance(body.get("message", body.get("msg")), str)):
        return body
    return None


def _message(error: Any) -> str:
    """What an error says, in its own words; of FastAPI's, where and what; OpenRouter's with what the provider said."""
    if isinstance(error, list):
        return "; ".join(filter(None, map(_message, error[:3])))
    if not isinstance(error, dict):
        return "" if error is None else str(error)
    if "loc" in error and "msg" in error:
        return f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
    found = ""
    for name in ("message", "msg", "detail", "error", "status_msg", "error_description", "title", "errors"):
        if error.get(name):
            found = _message(error[name])
            break
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    return f"{found or json.dumps(error, ensure_ascii=False)[:300]}{f' ({_message(raw)})' if raw else ''}"


def _labels(error: Any) -> list[str]:
    """The short fields of an error ("type", "param", "n_ctx"), which say more than its message now and then."""
    if isinstance(error, list):
        return [label for part in error[:3] for label in _labels(part)]
    if not isinstance(error, dict):
        return []
    short = [
        f"{name} {value}" for name, value in error.items() if isinstance(value, int | str) and len(str(value)) < 80
    ]
    # A status looks like a number of tokens.
    return [label for label in short if not re.match(r"(message|msg|detail) |(code|status\w*) \d", label)]


def _status_of(error: Any, words: str) -> int:
    """The HTTP status that an error under a status of 200 would have had."""
    fields = error if isinstance(error, dict) else {}
    for name in ("code", "status", "status_code", "statusCode", "http_status"):
        if re.fullmatch(r"[45]\d\d", str(fields.get(name, ""))):
            return int(fields[name])
    return next((status for status, meaning in MEANINGS if re.search(meaning, words, re.I)), 500)


def _text(content: Any) -> str:
    """A message's text: as it is, or put together from parts, without those that are thoughts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(map(_text, content))
    if not isinstance(content, dict):
        return ""
    if "text" in content or "content" in content:
        if str(content.get("type", "text")) in ("thinking", "reasoning", "thought", "redacted_thinking"):
            return ""
        inner = content.get("text", content.get("content"))
        return _text(inner.get("value", inner) if isinstance(inner, dict) else inner)
    if "value" in content:
        return _text(content["value"])
    # Thoughts in a field of their own; else the answer itself, parsed already.
    return (
        "" if content.get("type") in ("thinking", "reasoning", "thought") else json.dumps(content, ensure_ascii=False)
    )


def _called(message: dict[str, Any]) -> str:
    """Some servers keep to a schema by a call of a made-up function."""
    calls = message.get("tool_calls") or [{"function": message.get("function_call")}]
    function = calls[0].get("function") if isinstance(calls, list) and calls and isinstance(calls[0], dict) else None
    return _text(function.get("arguments")) if isinstance(function, dict) else ""
