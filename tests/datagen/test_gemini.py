"""The gemini teacher through the real google-genai client, against a local server. No test waits or measures time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from datagen.gemini import GeminiTeacher
from datagen.generate import generate
from datagen.teacher import Ask, Candidate, run_async
from pocketmoji.config import DatagenConfig
from pocketmoji.errors import TeacherError
from pocketmoji.records import Seed
from tests.datagen.gemini_server import Answer, Asked, GeminiServer, failure, good, reply

RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7.5s"}
BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
PER_DAY = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
}


@pytest.fixture(autouse=True)
def no_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No real key, no proxy: only the local server is ever spoken to."""
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def asks(count: int, wanted: int = 3) -> list[Ask]:
    seeds = [Seed(seed_id=f"s{n}", text=f"Seed number {n}", emoji="🎉", line=n + 2) for n in range(count)]
    return [Ask(seed, wanted) for seed in seeds]


class Run:
    """One call of the teacher: what came back, how long it would have slept, how many seeds were reported done."""

    def __init__(self, server: GeminiServer, folder: Path, asked: list[Ask], concurrency: int = 1) -> None:
        self.slept: list[float] = []
        self.done = 0

        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        def advance(number: int) -> None:
            self.done += number

        teacher = GeminiTeacher(
            "fake-model", "the-key", folder / "journal", base_url=server.url, concurrency=concurrency, sleep=sleep
        )
        self.answers: list[list[Candidate]] = run_async(teacher.paraphrase(asked, advance))

    @property
    def texts(self) -> list[list[str]]:
        return [[candidate.text for candidate in answer] for answer in self.answers]


def test_a_request_and_its_reply(tmp_path: Path) -> None:
    with GeminiServer() as server:
        run = Run(server, tmp_path, [Ask(asks(1)[0].seed, 2, ("Heard before",))])
    assert run.texts == [["Take 0 on Seed number 0, friends", "Take 1 on Seed number 0, friends"]]
    assert {candidate.origin for candidate in run.answers[0]} == {"gemini:fake-model"}
    assert server.paths == ["/v1beta/models/fake-model:generateContent"] and server.keys == ["the-key"]
    request = server.requests[0]
    config = request["generationConfig"]
    assert config["responseMimeType"] == "application/json" and "items" in config["responseSchema"]["properties"]
    prompt = json.loads(request["contents"][0]["parts"][0]["text"])
    assert prompt == [
        {"number": 1, "text": "Seed number 0", "emoji": "🎉", "wanted": 2, "avoid": ["Heard before"]},
    ]
    assert "no emoji" in request["systemInstruction"]["parts"][0]["text"]


def test_many_seeds_at_once_come_back_in_order(tmp_path: Path) -> None:
    with GeminiServer() as server:
        run = Run(server, tmp_path, asks(50), concurrency=4)
    assert len(server.requests) == 7 and run.done == 50
    assert [texts[0] for texts in run.texts] == [f"Take 0 on Seed number {n}, friends" for n in range(50)]


@pytest.mark.parametrize(
    "answer",
    [
        reply('{"items": [{"number": 1, "paraphrases": ["cut of'),
        reply("Sure! Here you go."),
        reply('{"items": [{"number": 1}]}'),
        reply('{"items": [{"number": 2, "paraphrases": ["a"]}]}'),
        reply('{"items": [{"number": 1, "paraphrases": []}]}'),
        reply('{"items": []}'),
        Answer({"promptFeedback": {"blockReason": "SAFETY"}}),
        Answer(b"<html>not the API</html>"),
    ],
)
def test_a_malformed_answer_is_asked_for_again(tmp_path: Path, answer: Answer) -> None:
    with GeminiServer(answer) as server:
        run = Run(server, tmp_path, asks(1))
    assert len(server.requests) == 2 and len(run.texts[0]) == 3 and not run.slept


def test_a_seed_that_spoils_its_batch_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def picky(asked: Asked) -> Answer:
        return reply("I cannot") if any(a["text"] == "Seed number 1" for a in asked) else good(asked)

    with GeminiServer(always=picky) as server:
        run = Run(server, tmp_path, asks(3))
    assert [len(texts) for texts in run.texts] == [3, 0, 3]
    assert "line 3, 'Seed number 1'" in capsys.readouterr().err


def test_a_model_that_never_keeps_to_the_schema_is_given_up(tmp_path: Path) -> None:
    with (
        GeminiServer(always=lambda asked: reply("no")) as server,
        pytest.raises(TeacherError, match="5 seeds in a row"),
    ):
        Run(server, tmp_path, asks(40))
    assert len(server.requests) < 30


def test_429_waits_as_long_as_the_server_says(tmp_path: Path) -> None:
    told = failure(429, "RESOURCE_EXHAUSTED", "quota", [RETRY_INFO])
    header = failure(429, "RESOURCE_EXHAUSTED", "quota", Retry_After="3")
    with GeminiServer(told, header) as server:
        run = Run(server, tmp_path, asks(1))
    assert run.slept == [7.5, 3.0] and len(server.requests) == 3 and len(run.texts[0]) == 3


def test_429_for_the_day_is_not_waited_for(tmp_path: Path) -> None:
    gone = failure(429, "RESOURCE_EXHAUSTED", "quota", [PER_DAY, RETRY_INFO])
    with GeminiServer(gone) as server, pytest.raises(TeacherError, match="used up"):
        Run(server, tmp_path, asks(1))
    assert len(server.requests) == 1


def test_500_backs_off_more_each_time(tmp_path: Path) -> None:
    broken = failure(500, "INTERNAL", "oops")
    with GeminiServer(broken, failure(503, "UNAVAILABLE", "busy"), broken) as server:
        run = Run(server, tmp_path, asks(1))
    assert len(run.texts[0]) == 3 and len(run.slept) == 3
    assert all(0.5 * 2**n <= seconds <= 1.5 * 2**n for n, seconds in enumerate(run.slept))


def test_a_server_that_stays_broken(tmp_path: Path) -> None:
    broken = failure(500, "INTERNAL", "oops")
    with GeminiServer(always=lambda asked: broken) as server, pytest.raises(TeacherError, match="6 attempts"):
        Run(server, tmp_path, asks(1))
    assert len(server.requests) == 6


def test_no_server(tmp_path: Path) -> None:
    with GeminiServer() as server:
        pass
    with pytest.raises(TeacherError, match="no connection"):
        Run(server, tmp_path, asks(1))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (failure(400, "INVALID_ARGUMENT", "API key not valid.", [BAD_KEY]), "check GEMINI_API_KEY"),
        (failure(401, "UNAUTHENTICATED", "who are you"), "check GEMINI_API_KEY"),
        (failure(403, "PERMISSION_DENIED", "not you"), "check GEMINI_API_KEY"),
        (failure(404, "NOT_FOUND", "no such model"), "--teacher-model"),
    ],
)
def test_what_waiting_cannot_mend_is_an_error_at_once(tmp_path: Path, answer: Answer, expected: str) -> None:
    with GeminiServer(answer) as server, pytest.raises(TeacherError) as caught:
        Run(server, tmp_path, asks(20))
    assert expected in str(caught.value) and "the-key" not in str(caught.value)
    assert len(server.requests) == 1


def test_an_interrupted_run_pays_only_for_what_is_missing(tmp_path: Path) -> None:
    with GeminiServer(good, failure(401, "UNAUTHENTICATED", "")) as server, pytest.raises(TeacherError):
        Run(server, tmp_path, asks(16))
    # As a kill in the middle of a write would leave it.
    with open(tmp_path / "journal", "a") as file:
        file.write('{"request": "abc", "rep')
    with GeminiServer() as server:
        resumed = Run(server, tmp_path, asks(16))
        assert len(server.requests) == 1
        again = Run(server, tmp_path, asks(16))
        assert len(server.requests) == 1 and again.texts == resumed.texts and again.done == 16


def test_a_whole_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = Path(__file__).resolve().parents[2] / "seeds/personal.csv"
    monkeypatch.setenv("GEMINI_API_KEY", "the-key")

    def files(folder: Path) -> dict[str, Any]:
        return {p.name: p.read_bytes() for p in folder.iterdir() if not p.name.startswith(".")}

    with GeminiServer() as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        generate(seeds, DatagenConfig(), tmp_path / "out")
        first, requests = files(tmp_path / "out"), len(server.requests)
        generate(seeds, DatagenConfig(), tmp_path / "out")
        assert len(server.requests) == requests == 9 and files(tmp_path / "out") == first
        generate(seeds, DatagenConfig(), tmp_path / "fresh")
        assert files(tmp_path / "fresh") == first
    statistics = json.loads(first["statistics.json"])
    assert statistics["teacher"] == "gemini:gemini-2.5-flash" and statistics["share_of_rules"] == 0
    assert all(leak["near"] == 0 for leak in statistics["leaks"].values())
