"""The habits of OpenAI-compatible servers: each ends in every paraphrase that was asked for, or soon in an error that
says what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.core.errors import InputError, TeacherError
from pocketmoji.datagen.clients.client import Answer as Told
from pocketmoji.datagen.clients.client import Busy
from pocketmoji.datagen.executors.async_executor import AsyncExecutor
from pocketmoji.datagen.executors.budget import Budget
from pocketmoji.datagen.executors.journal import Journal
from pocketmoji.datagen.requests.request import Request
from pocketmoji.datagen.teachers.model_teacher import ModelTeacher
from tests.datagen.model_server import Answer, Asked, ModelServer, failure, good, openai_body
from tests.datagen.teachers.test_model_teachers import Run, asks, no_outside

__all__ = ["no_outside"]
Body = dict[str, Any]


def wrong_path(path: str) -> Answer:
    return Answer(body=b"404 page not found", status=404, headers={"Content-Type": "text/plain"})


def complain(message: str, status: int = 400, **more: Any) -> Answer:
    return Answer(body={"error": {"message": message, "code": status, **more}}, status=status)


@pytest.mark.parametrize(
    ("given", "real"),
    [
        ("{url}", "/v1"),
        ("{url}/", "/v1"),
        ("{bare}", "/v1"),
        ("{bare}/v1", "/v1"),
        ("{url}/v1/", "/v1"),
        ("{url}/v1/chat/completions", "/v1"),
        ("{url}/v1/models", "/v1"),
        ("{url}/api/chat", "/v1"),
        ("{url}/api", "/api/v1"),
        ("{url}/api/v1", "/api/v1"),
        ("{url}/openai", "/openai"),
        ("{url}/openai", "/openai/v1"),
        ("{url}", ""),
        ("{url}", "/api/v1"),
        ("{url}/v1?version=3", "/v1"),
    ],
)
def test_the_address_is_found(tmp_path: Path, given: str, real: str, capsys: pytest.CaptureFixture[str]) -> None:
    with ModelServer() as server:
        server.habit = lambda path, body: (
            None if path.partition("?")[0] == f"{real}/chat/completions" else wrong_path(path)
        )
        bare = server.url.removeprefix("http://")
        address = given.format(url=server.url, bare=bare)
        run = Run(server, tmp_path, asks(20), "openai", base_url=address, concurrency=8)
    assert all(len(texts) == 3 for texts in run.texts) and len(server.requests) <= 3 + 5
    if "?" in given:
        assert server.paths[-1].endswith("?version=3")
    if "?" not in given and address.rstrip("/") != f"{server.url}{real}":
        assert f"chat completions are at {server.url}{real}" in capsys.readouterr().err


def test_an_address_without_chat_completions(tmp_path: Path) -> None:
    with ModelServer() as server:
        server.habit = lambda path, body: wrong_path(path)
        with pytest.raises(
            TeacherError, match=r"(?s)no chat completions at .*tried .*/v1/chat.*answers 404.*--base-url"
        ):
            Run(server, tmp_path, asks(20), "openai", base_url=server.url, concurrency=8)
    assert len(server.requests) <= 6


@pytest.mark.parametrize("page", [{"status": 200}, {"status": 405}, {"status": 404}])
def test_a_page_is_no_api(tmp_path: Path, page: dict[str, int]) -> None:
    html = Answer(body=b"<!DOCTYPE html><html>Welcome</html>", headers={"Content-Type": "text/html"}, **page)
    with ModelServer() as server:
        server.habit = lambda path, body: None if path.startswith("/v1") else html
        Run(server, tmp_path, asks(3), "openai", base_url=f"{server.url}/ui")
    assert server.paths[-1] == "/v1/chat/completions" and len(server.requests) <= 4


def test_an_address_that_is_none(tmp_path: Path) -> None:
    with ModelServer() as server, pytest.raises(InputError, match="is no address of a server"):
        Run(server, tmp_path, asks(3), "openai", base_url="ws://there")


def test_a_model_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    for gone in (
        complain('model "fake-model" not found, try pulling it first', 404),
        complain("The model `fake-model` does not exist.", 404),
        complain("fake-model is not a valid model ID"),
    ):
        with ModelServer() as server:
            server.models = [{"id": "llama3.2:3b"}, {"id": "real-model"}]
            server.habit = lambda path, body, gone=gone: gone  # type: ignore[misc]
            with pytest.raises(TeacherError, match=r"(?s)expected: one of real-model, llama3.2:3b.*--teacher-model"):
                Run(server, tmp_path, asks(20), "openai", concurrency=8)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        complain("System role not supported"),
        complain("Jinja Exception: System role not supported", 500),
        complain("Conversation roles must alternate user/assistant/user/assistant/..."),
        complain("Only user and assistant roles are supported!"),
        Answer(body={"object": "error", "message": "System role not supported", "code": 400}, status=400),
        Answer(
            body={"detail": [{"loc": ["body", "messages", 0, "role"], "msg": "Input should be 'user' or 'assistant'"}]},
            status=422,
        ),
        complain("bad request"),
    ],
)
def test_a_template_without_a_system_turn(tmp_path: Path, refusal: Answer) -> None:
    with ModelServer() as server:
        server.habit = lambda path, body: refusal if body["messages"][0]["role"] == "system" else None
        run = Run(server, tmp_path, asks(40), "openai", concurrency=8)
    assert all(len(texts) == 3 for texts in run.texts) and len(server.requests) <= 5 + 3
    sent = server.requests[-1]["messages"]
    assert [turn["role"] for turn in sent] == ["user"] and sent[0]["content"].startswith("You help to train")


CONTEXT = 4096


def too_long(words: str, status: int = 400, **more: Any) -> Any:
    """A server whose prompt and answer may have so many tokens, four characters each, and that says so in `words`."""

    def habit(path: str, body: Body) -> Answer | None:
        prompt = sum(len(turn["content"]) for turn in body["messages"]) // 4
        asked = body.get("max_tokens", 0)
        if prompt + asked <= CONTEXT:
            return None
        told = words.format(limit=CONTEXT, total=prompt + asked, prompt=prompt, asked=asked)
        named = {"n_ctx": CONTEXT, "n_prompt_tokens": prompt} if more else {}
        return complain(told, status, **named)

    return habit


@pytest.mark.parametrize(
    "habit",
    [
        too_long(
            "This model's maximum context length is {limit} tokens. However, you requested {total} tokens ({prompt} in"
            " the messages, {asked} in the completion). Please reduce the length of the messages or completion."
        ),
        too_long(
            "'max_tokens' or 'max_completion_tokens' is too large: {asked}. This model's maximum context length is"
            " {limit} tokens and your request has {prompt} input tokens ({asked} > {limit} - {prompt})."
        ),
        too_long(
            "request ({prompt} tokens) exceeds the available context size ({limit} tokens), try increasing it",
            llama=True,
        ),
        too_long("the request exceeds the available context size. try increasing the context size", 500),
        too_long("Requested tokens ({total}) exceed context window of {limit}", 500),
        too_long(
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= {limit}. Given: {prompt} `inputs`"
            " tokens and {asked} `max_new_tokens`",
            422,
        ),
        too_long(
            "Requested token count exceeds the model's maximum context length of {limit} tokens. You requested a total"
            " of {total} tokens: {prompt} tokens from the input messages and {asked} tokens for the completion."
        ),
        too_long("context_length_exceeded"),
    ],
)
def test_a_short_context(tmp_path: Path, habit: Any) -> None:
    with ModelServer() as server:
        server.habit = habit
        run = Run(server, tmp_path, asks(40, 10), "openai", concurrency=8)
    assert all(len(texts) == 10 for texts in run.texts)
    refused = len(server.requests) - run.journal.statuses["ok"]
    assert refused <= 6 and run.done == 40
    # What was too much stays known.
    with ModelServer() as server:
        again = Run(server, tmp_path, asks(40, 10), "openai", concurrency=8)
    assert not server.requests and again.texts == run.texts


def test_a_context_too_short_for_anything(tmp_path: Path) -> None:
    def habit(path: str, body: Body) -> Answer:
        return complain("This model's maximum context length is 256 tokens. However, you requested 7000 tokens.")

    with ModelServer() as server:
        server.habit = habit
        with pytest.raises(TeacherError, match=r"(?s)even one paraphrase is too much.*longer context"):
            Run(server, tmp_path, asks(40, 10), "openai", concurrency=8)
    assert len(server.requests) <= 10


def test_a_limit_on_the_answer_alone(tmp_path: Path) -> None:
    def habit(path: str, body: Body) -> Answer | None:
        told = f"max_tokens is too large: {body['max_tokens']}. This model supports at most 1024 completion tokens"
        return complain(told) if body["max_tokens"] > 1024 else None

    with ModelServer() as server:
        server.habit = habit
        run = Run(server, tmp_path, asks(16, 10), "openai", concurrency=8)
    assert all(len(texts) == 10 for texts in run.texts) and server.requests[-1]["max_tokens"] <= 1024


def test_a_reply_that_is_cut_is_asked_for_in_smaller_parts(tmp_path: Path) -> None:
    def short_winded(asked: Asked) -> Answer:
        return Answer('{"items": [{"numb', cut=True) if len(asked) > 2 else good(asked)

    with ModelServer(always=short_winded) as server:
        run = Run(server, tmp_path, asks(16), "openai", concurrency=8)
    assert all(len(texts) == 3 for texts in run.texts) and len(server.requests) <= 8 + 3


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "Rate limit exceeded: free-models-per-day. Add credits", "code": 429}},
        {"error": {"code": "insufficient_quota", "message": "You exceeded your current quota"}},
    ],
)
def test_an_error_under_a_status_of_200_is_an_error(tmp_path: Path, error: Body) -> None:
    with (
        ModelServer(always=lambda asked: Answer(body=error)) as server,
        pytest.raises(TeacherError, match="used up"),
    ):
        Run(server, tmp_path, asks(40), "openai", concurrency=8)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ({"error": {"message": "Provider returned error", "code": 502}}, "Provider returned error"),
        ({"error": "the model runner has stopped"}, "the model runner has stopped"),
        ({"object": "error", "message": "internal", "code": 500}, "internal"),
        ({"choices": [{"error": {"code": 502, "message": "upstream"}, "message": {"content": ""}}]}, "upstream"),
        ([{"error": {"code": 503, "message": "overloaded"}}], "overloaded"),
        ({"success": False, "errors": [{"code": 7009, "message": "Upstream service unavailable"}]}, "Upstream service"),
        ({"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}, "rate limit"),
    ],
)
def test_errors_of_every_shape_are_waited_out(tmp_path: Path, error: Any, told: str) -> None:
    with ModelServer(Answer(body=error), Answer(body=error)) as server:
        run = Run(server, tmp_path, asks(1), "openai")
    assert len(run.slept) == 2 and len(run.texts[0]) == 3
    with (
        ModelServer(always=lambda asked: Answer(body=error)) as server,
        pytest.raises(TeacherError, match=f"did not answer in 6 attempts.*{told}"),
    ):
        Run(server, tmp_path / "never", asks(40), "openai", concurrency=8)
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (Answer(body={"error": {"code": 429, "message": "slow", "metadata": {"headers": {"Retry-After": "4"}}}}), 4.0),
        (Answer(body={"error": {"code": 429, "message": "Please try again in 1m2.5s."}}), 62.5),
        (complain("Please try again in 350ms", 429), 0.35),
        (Answer(body={"error": {"code": 429, "message": "slow"}}, status=429, headers={"retry-after-ms": "1500"}), 1.5),
    ],
)
def test_the_wait_is_the_one_that_the_server_asks_for(tmp_path: Path, answer: Answer, seconds: float) -> None:
    with ModelServer(answer) as server:
        assert Run(server, tmp_path, asks(1), "openai").slept == [seconds]


def test_a_server_that_refuses_every_other_request(tmp_path: Path) -> None:
    with ModelServer() as server:
        busy = Answer(body={"error": {"message": "Provider returned error", "code": 429}})
        server.habit = lambda path, body: busy if len(server.requests) % 2 else None
        run = Run(server, tmp_path, asks(80), "openai", concurrency=8)
    assert all(len(texts) == 3 for texts in run.texts)


@pytest.mark.parametrize("status", [400, 422, 500])
@pytest.mark.parametrize(
    "words",
    [
        "Failed to initialize samplers: failed to parse grammar",
        "response_format of type {form} is not supported",
        "unknown field response_format",
        "This model does not support response format `{form}`.",
        "guided decoding is not available",
    ],
)
def test_a_server_that_makes_no_grammar(tmp_path: Path, words: str, status: int) -> None:
    def habit(path: str, body: Body) -> Answer | None:
        form = body.get("response_format", {}).get("type")
        return complain(words.format(form=form), status) if form else None

    with ModelServer() as server:
        server.habit = habit
        run = Run(server, tmp_path, asks(40), "openai", concurrency=8)
        forms = [request.get("response_format", {}).get("type") for request in server.requests]
        assert forms == ["json_schema", "json_object", *[None] * 5] and not run.slept
        # Remembered for the rounds that follow.
        list(run.teacher.paraphrase(asks(8, 4), lambda n: None))
    assert "response_format" not in server.requests[-1] and len(server.requests) == 8


def test_options_that_are_not_known_are_left_out(tmp_path: Path) -> None:
    def habit(path: str, body: Body) -> Answer | None:
        if "max_tokens" in body:
            return complain("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        if "temperature" in body:
            return complain("Unsupported value: 'temperature' does not support 1.0 with this model.")
        return None

    with ModelServer() as server:
        server.habit = habit
        Run(server, tmp_path, asks(8), "openai")
    assert len(server.requests) == 3 and "max_completion_tokens" in server.requests[-1]


def test_a_server_that_fails_without_a_word(tmp_path: Path) -> None:
    """As one does that knows no schema, and says 500 to what it does not expect."""
    with ModelServer() as server:
        server.habit = lambda path, body: complain("oops", 500) if "response_format" in body else None
        run = Run(server, tmp_path, asks(16), "openai", concurrency=8)
    assert all(len(texts) == 3 for texts in run.texts) and len(server.requests) <= 6


def shaped(message: Body) -> Any:
    """A server whose message is `message`, with the text in the place of TEXT."""

    def always(asked: Asked) -> Answer:
        answer = good(asked)
        whole = openai_body(answer)
        put = json.dumps(message).replace('"TEXT"', json.dumps(answer.text))
        whole["choices"][0]["message"] = {"role": "assistant", **json.loads(put)}
        return Answer(body=whole)

    return always


@pytest.mark.parametrize(
    "message",
    [
        {"content": [{"type": "thinking", "thinking": [{"text": "hm"}]}, {"type": "text", "text": "TEXT"}]},
        {"content": ["TEXT"]},
        {"content": [{"type": "output_text", "text": {"value": "TEXT"}}]},
        {"content": None, "reasoning_content": "TEXT"},
        {"content": "TEXT", "reasoning_content": '{"items": []}'},
        {"content": None, "tool_calls": [{"function": {"name": "answer", "arguments": "TEXT"}}]},
    ],
)
def test_a_message_in_other_shapes(tmp_path: Path, message: Body) -> None:
    with ModelServer(always=shaped(message)) as server:
        run = Run(server, tmp_path, asks(16), "openai")
    assert all(len(texts) == 3 for texts in run.texts) and len(server.requests) == 2


def test_nothing_but_thoughts(tmp_path: Path) -> None:
    thoughts = openai_body(Answer("x", cut=True))
    thoughts["choices"][0]["message"] = {"content": None, "reasoning_content": "Hm, what do they want?"}
    with (
        ModelServer(always=lambda asked: Answer(body=thoughts)) as server,
        pytest.raises(TeacherError, match=r"(?s)what do they want.*--thinking-tokens"),
    ):
        Run(server, tmp_path, asks(80), "openai", concurrency=8)
    assert len(server.requests) == 9


class Slow:
    """A server with one slot: what waits for longer than it may is given up. Time is made up."""

    name = "slow"

    def __init__(self, seconds: float, patience: float, now: list[float]) -> None:
        self.seconds, self.patience, self.now = seconds, patience, now
        self.busy_until, self.sent, self.late = 0.0, 0, 0

    async def send(self, request: Request) -> Told:
        import asyncio

        self.sent += 1
        came = self.now[0]
        needs = self.seconds * len(request.asks)
        done = max(self.busy_until, came) + needs
        await asyncio.sleep(0)
        if done - came > self.patience:
            self.late += 1
            self.now[0] = max(self.now[0], came + self.patience)
            raise Busy("no answer in time", slow=True)
        self.busy_until = done
        while self.now[0] < done and self.busy_until > self.now[0]:
            await asyncio.sleep(0)
            self.now[0] = max(self.now[0], min(done, self.busy_until))
        return Told(str(good(json.loads(request.prompt)).text), (100, 50))

    async def close(self) -> None: ...


@pytest.mark.parametrize(("seconds", "most_late"), [(2.0, 0), (5.0, 4), (12.0, 3), (50.0, 3)])
def test_a_slow_server_with_one_slot(tmp_path: Path, seconds: float, most_late: int) -> None:
    """Seconds for one seed, of the sixty that an answer may take: fewer at once, smaller requests, and nothing lost."""
    from pocketmoji.core.config import DatagenConfig

    now = [0.0]
    slow = Slow(seconds, 60.0, now)
    config = DatagenConfig(teacher="openai", timeout=60.0, price="10,100")
    journal = Journal(tmp_path / "journal")
    budget = Budget("openai:slow", config, journal)
    executor = AsyncExecutor("openai:slow", lambda: slow, journal, budget, config, clock=lambda: now[0])
    teacher = ModelTeacher("openai:slow", executor, journal, budget, config)
    texts = list(teacher.paraphrase(asks(40), lambda n: None))
    assert all(len(found) == 3 for found in texts) and slow.late <= most_late
    # What was never answered costs nothing.
    answered = journal.statuses["ok"]
    assert journal.spent == pytest.approx(answered * (100 * 10 + 50 * 100) / 1e6)


def test_a_server_that_never_answers(tmp_path: Path) -> None:
    from pocketmoji.core.config import DatagenConfig

    slow = Slow(1000.0, 60.0, now := [0.0])
    config = DatagenConfig(teacher="openai", timeout=60.0)
    journal = Journal(tmp_path / "journal")
    budget = Budget("openai:slow", config, journal)
    executor = AsyncExecutor("openai:slow", lambda: slow, journal, budget, config, clock=lambda: now[0])
    teacher = ModelTeacher("openai:slow", executor, journal, budget, config)
    with pytest.raises(TeacherError, match=r"(?s)did not answer.*within 60 s.*--timeout"):
        list(teacher.paraphrase(asks(40), lambda n: None))
    assert slow.sent <= 4


def test_a_reply_that_is_late_is_told(tmp_path: Path) -> None:
    """The time is the setting's; a local server that sleeps for longer is not waited for."""
    import time

    def sleepy(asked: Asked) -> Answer:
        time.sleep(0.5)
        return good(asked)

    with ModelServer(always=sleepy) as server, pytest.raises(TeacherError, match=r"in 0\.1 s \(--timeout\)"):
        Run(server, tmp_path, asks(16), "openai", timeout=0.1)
    assert len(server.requests) == 4


def test_failure_helper_is_the_real_apis(tmp_path: Path) -> None:
    with ModelServer(failure(402, "", "Insufficient credits")) as server, pytest.raises(TeacherError, match="used up"):
        Run(server, tmp_path, asks(1), "openai")
