"""The model teachers through the real google-genai and openai clients, against a local server that speaks both APIs. No
test waits or measures time."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.errors import InputError, TeacherError
from pocketmoji.core.records import Seed
from pocketmoji.datagen.clients import client
from pocketmoji.datagen.executors.async_executor import AsyncExecutor
from pocketmoji.datagen.executors.budget import Budget
from pocketmoji.datagen.executors.journal import Journal
from pocketmoji.datagen.generate import generate
from pocketmoji.datagen.requests.request import Request
from pocketmoji.datagen.requests.teacher import Ask, Candidate, run_async
from pocketmoji.datagen.teachers.model_teacher import ModelTeacher, plan
from pocketmoji.datagen.teachers.teachers import client_opener
from tests.datagen.model_server import Answer, Asked, ModelServer, failure, good, items, reply
from tests.datagen.read_back import files

RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7.5s"}
BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
PER_DAY = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
}


@pytest.fixture(autouse=True)
def no_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No real key, no proxy: only the local server is ever spoken to."""
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def asks(count: int, wanted: int = 3) -> list[Ask]:
    seeds = [Seed(seed_id=f"s{n}", text=f"Seed number {n}", emoji="🎉", line=n + 2) for n in range(count)]
    return [Ask(seed, wanted) for seed in seeds]


KINDS = ("gemini", "openai")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Run:
    """One call of the teacher: what came back, how long it would have slept, how many seeds were reported done."""

    def __init__(self, server: ModelServer, folder: Path, asked: list[Ask], kind: str = "gemini", **given: Any) -> None:
        self.slept: list[float] = []
        self.done = 0
        config = DatagenConfig(
            teacher=kind,
            teacher_model="fake-model",
            **{"concurrency": 1, "base_url": f"{server.url}/v1" if kind == "openai" else server.url} | given,
        )
        name = f"{kind}:fake-model"
        self.journal = Journal(folder / "journal")
        budget = Budget(name, config, self.journal)
        opener = client_opener(name, config, {"GEMINI_API_KEY": "the-key", "OPENAI_API_KEY": "the-key"})
        executor = AsyncExecutor(name, opener, self.journal, budget, config, sleep=self._sleep)
        self.teacher = ModelTeacher(name, executor, self.journal, budget, config)
        self.answers: list[list[Candidate]] = list(self.teacher.paraphrase(asked, self._advance))

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def _advance(self, number: int) -> None:
        self.done += number

    @property
    def texts(self) -> list[list[str]]:
        return [[candidate.text for candidate in answer] for answer in self.answers]


def test_a_request_and_its_reply(tmp_path: Path, kind: str) -> None:
    with ModelServer(always=lambda asked: reply(items(asked, lambda seed, n: f"Take {n} on it"))) as server:
        run = Run(server, tmp_path, [Ask(asks(1)[0].seed, 2, ("Heard before",))], kind)
    assert run.texts == [["Take 1 on it", "Take 2 on it"]]
    assert {candidate.origin for candidate in run.answers[0]} == {f"{kind}:fake-model"}
    request = server.requests[0]
    if kind == "gemini":
        assert server.paths == ["/v1beta/models/fake-model:generateContent"] and server.keys == ["the-key"]
        config = request["generationConfig"]
        schema, limit = config["responseSchema"], config["maxOutputTokens"]
        prompt, instructions = (
            request["contents"][0]["parts"][0]["text"],
            request["systemInstruction"]["parts"][0]["text"],
        )
    else:
        assert server.paths == ["/v1/chat/completions"] and server.keys == ["Bearer the-key"]
        schema, limit = request["response_format"]["json_schema"]["schema"], request["max_tokens"]
        instructions, prompt = (message["content"] for message in request["messages"])
    assert schema["properties"]["items"]["items"]["properties"].keys() == {"number", "paraphrases"}
    assert limit > 0 and "no emoji" in instructions
    seed = json.loads(prompt)[0]
    assert (seed["number"], seed["text"], seed["emoji"], seed["avoid"]) == (1, "Seed number 0", "🎉", ["Heard before"])
    assert list(seed["styles"]) == ["1", "2"]
    assert [candidate.cell for candidate in run.answers[0]] == list(seed["styles"].values())


def test_many_seeds_at_once_come_back_in_order(tmp_path: Path, kind: str) -> None:
    with ModelServer() as server:
        run = Run(server, tmp_path, asks(50), kind, concurrency=4)
    assert len(server.requests) == 7 and run.done == 50 and server.most_in_flight <= 4
    assert [f"Seed number {n} " in texts[0] for n, texts in enumerate(run.texts)] == [True] * 50


@pytest.mark.parametrize(
    "answer",
    [
        reply('{"items": [{"number": 1, "paraphrases": ["cut of'),
        reply("Sure! Here you go."),
        reply('{"items": [{"number": 1}]}'),
        reply('{"items": [{"number": 2, "paraphrases": [{"style": 1, "text": "a"}]}]}'),
        reply('{"items": [{"number": 1, "paraphrases": ["without its style"]}]}'),
        reply('{"items": [{"number": 1, "paraphrases": []}]}'),
        reply('{"items": []}'),
        Answer(body={"promptFeedback": {"blockReason": "SAFETY"}}),
        Answer(body={}),
        Answer(body=b"<html>not the API</html>"),
        Answer(body=b"<html>not the API</html>", headers={"Content-Type": "text/html"}),
    ],
)
def test_a_malformed_answer_is_asked_for_again(tmp_path: Path, answer: Answer, kind: str) -> None:
    with ModelServer(answer) as server:
        run = Run(server, tmp_path, asks(1), kind)
    assert len(server.requests) == 2 and len(run.texts[0]) == 3 and not run.slept


def test_a_seed_that_spoils_its_batch_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def picky(asked: Asked) -> Answer:
        return reply("I cannot") if any(a["text"] == "Seed number 1" for a in asked) else good(asked)

    with ModelServer(always=picky) as server:
        run = Run(server, tmp_path, asks(3))
    assert [len(texts) for texts in run.texts] == [3, 0, 3]
    assert "line 3, 'Seed number 1'" in capsys.readouterr().err
    with ModelServer(always=picky) as server:
        again = Run(server, tmp_path, asks(3))
    # What is known to be of no use is not paid for again.
    assert not server.requests and again.texts == run.texts


def test_a_model_that_never_keeps_to_the_schema_is_given_up(tmp_path: Path) -> None:
    with (
        ModelServer(always=lambda asked: reply("no")) as server,
        pytest.raises(TeacherError, match=r"(?s)nothing of use in 5 replies.*its last reply: 'no'"),
    ):
        Run(server, tmp_path, asks(80), concurrency=32)
    # Twice two for eight seeds each, then five for one.
    assert len(server.requests) == 9


def test_429_waits_as_long_as_the_server_says(tmp_path: Path, kind: str) -> None:
    told = failure(429, "RESOURCE_EXHAUSTED", "quota", [RETRY_INFO])
    header = failure(429, "RESOURCE_EXHAUSTED", "quota", Retry_After="3")
    with ModelServer(told, header) as server:
        run = Run(server, tmp_path, asks(1), kind)
    assert run.slept == [7.5, 3.0] and len(server.requests) == 3 and len(run.texts[0]) == 3


def test_429_for_the_day_is_not_waited_for(tmp_path: Path) -> None:
    gone = failure(429, "RESOURCE_EXHAUSTED", "quota", [PER_DAY, RETRY_INFO])
    with ModelServer(gone) as server, pytest.raises(TeacherError, match="used up"):
        Run(server, tmp_path, asks(1))
    assert len(server.requests) == 1


def test_500_backs_off_more_each_time(tmp_path: Path) -> None:
    broken = failure(500, "INTERNAL", "oops")
    with ModelServer(broken, failure(503, "UNAVAILABLE", "busy"), broken) as server:
        run = Run(server, tmp_path, asks(1))
    assert len(run.texts[0]) == 3 and len(run.slept) == 3
    assert all(0 <= seconds <= 2 ** (n + 1) for n, seconds in enumerate(run.slept))


def test_a_server_that_stays_broken(tmp_path: Path) -> None:
    broken = failure(500, "INTERNAL", "oops")
    with ModelServer(always=lambda asked: broken) as server, pytest.raises(TeacherError, match="6 attempts"):
        Run(server, tmp_path, asks(1))
    assert len(server.requests) == 6


def test_no_server(tmp_path: Path, kind: str) -> None:
    with ModelServer() as server:
        pass
    with pytest.raises(TeacherError, match="no connection"):
        Run(server, tmp_path, asks(1), kind, price="10,100")
    # What was never sent is not paid for: the ceiling is as far away as before.
    journal = Journal(tmp_path / "journal")
    assert journal.requests == 6 and journal.spent == 0


def test_a_connection_that_is_cut(tmp_path: Path, kind: str) -> None:
    with ModelServer(Answer(), Answer()) as server:
        run = Run(server, tmp_path, asks(1), kind, price="10,100")
    assert len(server.requests) == 3 and len(run.texts[0]) == 3
    # What was never answered costs nothing.
    assert run.journal.spent == pytest.approx((100 * 10 + 50 * 100) / 1e6)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (failure(400, "INVALID_ARGUMENT", "API key not valid.", [BAD_KEY]), "check GEMINI_API_KEY"),
        (failure(401, "UNAUTHENTICATED", "who are you"), "check GEMINI_API_KEY"),
        (failure(403, "PERMISSION_DENIED", "not you"), "check GEMINI_API_KEY"),
        (failure(404, "NOT_FOUND", "no such model"), "--teacher-model"),
    ],
)
def test_what_waiting_cannot_mend_is_an_error_at_once(tmp_path: Path, answer: Answer, expected: str, kind: str) -> None:
    with ModelServer(answer) as server, pytest.raises(TeacherError) as caught:
        Run(server, tmp_path, asks(20), kind, price="10,100")
    if kind == "openai":
        expected = expected.replace("GEMINI", "OPENAI")
    assert expected in str(caught.value) and "the-key" not in str(caught.value)
    assert len(server.requests) == 1 and Journal(tmp_path / "journal").spent == 0


def test_an_interrupted_run_pays_only_for_what_is_missing(tmp_path: Path) -> None:
    with ModelServer(good, failure(401, "UNAUTHENTICATED", "")) as server, pytest.raises(TeacherError):
        Run(server, tmp_path, asks(16))
    # As a kill in the middle of a write would leave it.
    with open(tmp_path / "journal", "a") as file:
        file.write('{"request": "abc", "rep')
    with ModelServer() as server:
        resumed = Run(server, tmp_path, asks(16))
        assert len(server.requests) == 1
        again = Run(server, tmp_path, asks(16))
        assert len(server.requests) == 1 and again.texts == resumed.texts and again.done == 16


def test_a_reply_that_came_as_the_run_fell_is_kept(tmp_path: Path) -> None:
    """Two requests in flight come back in the same turn of the event loop: a good reply, and the end of the run.
    Another went before them, alone."""

    class Two:
        name = "two"

        def __init__(self) -> None:
            self.sent, self.both = 0, asyncio.Event()

        async def send(self, request: Request) -> client.Answer:
            self.sent += 1
            last = self.sent == 3
            if last:
                self.both.set()
            if self.sent > 1:
                await self.both.wait()
            if last:
                raise TeacherError("the key was refused")
            return client.Answer(str(good(json.loads(request.prompt)).text))

        async def close(self) -> None: ...

    config = DatagenConfig(teacher="openai", concurrency=2, seeds_per_request=1)
    journal = Journal(tmp_path / "journal")
    executor = AsyncExecutor("two", Two, journal, Budget("two", config, journal), config)
    requests = list(plan("two", asks(3), config))
    with pytest.raises(TeacherError, match="refused"):
        run_async(executor.run(requests, lambda n: None))  # the whole session of tests may have a loop of its own
    assert [journal.has_reply(one.fingerprint) for one in requests] == [True, True, False]


def test_a_server_that_knows_no_schema_is_asked_without(tmp_path: Path) -> None:
    no_schema = failure(400, "", "response_format of type json_schema is not supported")
    no_format = failure(400, "", "unknown field response_format")
    other_name = failure(400, "", "max_tokens is not supported, use max_completion_tokens")
    with ModelServer(no_schema, no_format, other_name) as server:
        run = Run(server, tmp_path, asks(1), "openai")
    formats = [request.get("response_format", {}).get("type") for request in server.requests]
    assert formats == ["json_schema", "json_object", None, None] and len(run.texts[0]) == 3
    assert "max_completion_tokens" in server.requests[-1] and "max_tokens" not in server.requests[-1]


def test_a_proxy_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    with ModelServer() as proxy, ModelServer() as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        Run(server, tmp_path / "through", asks(1), "openai")
        assert proxy.paths == [f"{server.url}/v1/chat/completions"] and not server.requests
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        Run(server, tmp_path / "past", asks(1), "openai")
        assert len(proxy.requests) == len(server.requests) == 1


def test_json_in_a_fence_is_read(tmp_path: Path) -> None:
    def fenced(asked: Asked) -> Answer:
        return reply(f"```json\n{good(asked).text}\n```")

    with ModelServer(always=fenced) as server:
        run = Run(server, tmp_path, asks(1), "openai")
    assert len(server.requests) == 1 and len(run.texts[0]) == 3


@pytest.mark.parametrize("thoughts", ["<think>Hm, <b>?</think>\n", "Hm. They mean it.</think>"])
def test_thoughts_before_the_answer_are_passed_over(tmp_path: Path, thoughts: str) -> None:
    with ModelServer(always=lambda asked: reply(f"{thoughts}{good(asked).text}")) as server:
        run = Run(server, tmp_path, asks(1), "openai")
    assert len(server.requests) == 1 and len(run.texts[0]) == 3


def test_a_model_that_thinks_beyond_its_limit(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told what to do, and then has the room: in what is sent, and in what a request can cost."""
    with ModelServer(always=lambda asked: Answer("<think>Well,", cut=True)) as server:
        Run(server, tmp_path, asks(1), kind)
        assert "cut off at 752 tokens; to let a model think first: --thinking-tokens" in capsys.readouterr().err
        server.always = good
        more = tmp_path / "more"
        run = Run(server, more, asks(1), kind, thinking_tokens=1000, price="0,1000000", max_cost=1751)
        assert "--max-cost" in run.teacher.exhausted and len(server.requests) == 3
        Run(server, more, asks(1), kind, thinking_tokens=1000, price="0,1000000", max_cost=1752)
    sent = server.requests[-1]
    assert (sent["generationConfig"]["maxOutputTokens"] if kind == "gemini" else sent["max_tokens"]) == 1752


def test_a_model_that_repeats_itself_is_not_told_to_think(tmp_path: Path, kind: str) -> None:
    """As SmolLM2-135M did in a real llama.cpp, whose grammar holds it to JSON and not to an end."""
    again = '{"items": [{"number": 1, "paraphrases": [{"style": 1, "text": "I love it, I love it, I love it'
    with (
        ModelServer(always=lambda asked: Answer(again, cut=True)) as server,
        pytest.raises(TeacherError, match="within its JSON") as raised,
    ):
        Run(server, tmp_path, asks(16), kind)
    assert "thinking" not in str(raised.value) and "another model" in str(raised.value)
    assert len(server.requests) <= 10


@pytest.mark.parametrize("concurrency", [1, 16])
def test_the_ceiling_of_requests_holds(tmp_path: Path, concurrency: int) -> None:
    with ModelServer(failure(500, "INTERNAL", "oops"), reply("no")) as server:
        run = Run(server, tmp_path, asks(200), concurrency=concurrency, max_requests=9)
        assert len(server.requests) == 9 and run.journal.requests == 9
        assert "9 requests" in run.teacher.exhausted and sum(map(bool, run.texts)) == 7 * 8
        # The journal remembers: the same ceiling is not granted a second time.
        Run(server, tmp_path, asks(200), concurrency=concurrency, max_requests=9)
        assert len(server.requests) == 9


@pytest.mark.parametrize("concurrency", [1, 32])
def test_the_ceiling_of_cost_holds_at_every_moment(tmp_path: Path, concurrency: int, kind: str) -> None:
    """Also if each reply costs the most that a reply can: the server bills every token it was allowed."""
    spent = 0.0

    def dear(asked: Asked) -> Answer:
        nonlocal spent
        answer = good(asked)
        limit = 512 + 80 * sum(len(a["styles"]) for a in asked)
        answer.tokens = (2000, limit)
        spent += (2000 * 10 + limit * 100) / 1e6
        return answer

    with ModelServer(always=dear) as server:
        run = Run(server, tmp_path, asks(400), kind, concurrency=concurrency, max_cost=3.0, price="10,100")
    assert 2.5 < spent <= 3.0 and abs(run.journal.spent - spent) < 1e-9
    assert "$3" in run.teacher.exhausted


def test_a_ceiling_of_cost_needs_a_price(tmp_path: Path) -> None:
    with ModelServer() as server:
        with pytest.raises(InputError, match="no price"):
            Run(server, tmp_path, asks(1), max_cost=1.0)
        with pytest.raises(InputError, match="--price is"):
            Run(server, tmp_path, asks(1), max_cost=1.0, price="cheap")
    assert not server.requests


def test_a_whole_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = Path(__file__).resolve().parents[3] / "seeds/personal.csv"
    monkeypatch.setenv("GEMINI_API_KEY", "the-key")

    with ModelServer() as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        generate(seeds, DatagenConfig(paraphrases=8), tmp_path / "out")
        first, requests = files(tmp_path / "out"), len(server.requests)
        generate(seeds, DatagenConfig(paraphrases=8), tmp_path / "out")
        assert len(server.requests) == requests == 9 and files(tmp_path / "out") == first
        generate(seeds, DatagenConfig(paraphrases=8, concurrency=3, max_requests=100, max_cost=5.0), tmp_path / "fresh")
        assert files(tmp_path / "fresh") == first
    statistics = json.loads(first["statistics.json"])
    assert statistics["teacher"] == "gemini:gemini-flash-lite-latest" and statistics["share_of_rules"] == 0
    assert statistics["tokens_of_replies"] == {"input": 900, "output": 450} and not statistics["seeds_short"]
    assert all(leak["near"] == 0 for leak in statistics["leaks"].values())
    rows = [json.loads(line) for line in first["train.jsonl"].decode().splitlines()]
    assert all(bool(row["cell"]) == (row["origin"] != "seed") for row in rows)


def test_a_budget_that_ends_names_the_seeds_that_fell_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = Path(__file__).resolve().parents[3] / "seeds/personal.csv"
    monkeypatch.setenv("GEMINI_API_KEY", "the-key")
    with ModelServer() as server:
        generate(seeds, DatagenConfig(base_url=server.url, paraphrases=8, max_requests=4), tmp_path / "out")
    short = json.loads((tmp_path / "out/statistics.json").read_text("utf-8"))["seeds_short"]
    assert len(server.requests) == 4 and len(short) == 72 - 32
    assert all("--max-requests" in row["why"] and row["got"] == 0 for row in short)


def test_a_teacher_that_repeats_itself_is_not_asked_for_ever(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds = Path(__file__).resolve().parents[3] / "seeds/personal.csv"
    with ModelServer(always=lambda asked: reply(items(asked, lambda seed, n: f"Yes, {seed['text']}!"))) as server:
        config = DatagenConfig(teacher="openai", teacher_model="parrot", base_url=f"{server.url}/v1")
        generate(seeds, config, tmp_path / "out")
    statistics = json.loads((tmp_path / "out/statistics.json").read_text("utf-8"))
    assert len(server.requests) <= 27 and len(statistics["seeds_short"]) == 72
    assert {row["why"] for row in statistics["seeds_short"]} == {"the teacher had nothing new to say"}
    assert "poor teacher" in statistics["teacher_unfit"] and "poor teacher" in capsys.readouterr().err
    assert "poor teacher" in (tmp_path / "out/README.md").read_text("utf-8")


def test_the_wrong_language_is_told(tmp_path: Path) -> None:
    seeds = Path(__file__).resolve().parents[3] / "seeds/personal.csv"
    german = "Das ist heute wirklich eine ganz besondere Sache für uns alle"
    with ModelServer(always=lambda asked: reply(items(asked, lambda seed, n: f"{german}, Nummer {n}"))) as server:
        config = DatagenConfig(teacher="openai", teacher_model="wrong", base_url=f"{server.url}/v1")
        generate(seeds, config, tmp_path / "out")
    statistics = json.loads((tmp_path / "out/statistics.json").read_text("utf-8"))
    assert statistics["dropped_by_reason"] == {"in another language (de)": statistics["candidates_received"]}
