"""The gemini-batch executor through the real google-genai client, against a local server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.errors import TeacherError
from pocketmoji.core.records import Seed
from pocketmoji.datagen.executors.budget import Budget
from pocketmoji.datagen.executors.gemini_batch import GeminiBatchExecutor
from pocketmoji.datagen.executors.journal import Journal
from pocketmoji.datagen.generate import generate
from pocketmoji.datagen.requests.teacher import Ask
from pocketmoji.datagen.teachers.model_teacher import ModelTeacher
from tests.datagen.model_server import Answer, Asked, ModelServer, good, reply
from tests.datagen.read_back import files

PERSONAL = Path(__file__).resolve().parents[3] / "seeds/personal.csv"


@pytest.fixture(autouse=True)
def a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "the-key")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def run(server: ModelServer, folder: Path, count: int, **given: int) -> tuple[list[int], Journal]:
    """How many candidates each of `count` seeds got, and the journal."""
    config = DatagenConfig(teacher="gemini", base_url=server.url, executor="gemini-batch", **given)
    journal = Journal(folder / "journal")
    budget = Budget("gemini:gemini-flash-lite-latest", config, journal)

    async def sleep(seconds: float) -> None:
        pass

    executor = GeminiBatchExecutor(
        "gemini-flash-lite-latest", "the-key", server.url, journal, budget, requests_per_job=4, sleep=sleep
    )
    teacher = ModelTeacher("gemini:gemini-flash-lite-latest", executor, journal, budget, config)
    seeds = [Seed(seed_id=f"s{n}", text=f"Seed number {n}", emoji="🎉", line=n + 2) for n in range(count)]
    return [len(texts) for texts in teacher.paraphrase([Ask(seed, 3) for seed in seeds], lambda n: None)], journal


def test_rows_are_told_apart_by_their_keys(tmp_path: Path) -> None:
    with ModelServer() as server:
        got, journal = run(server, tmp_path, 48)
        assert got == [3] * 48 and len(server.jobs) == 2 and not journal.jobs
        # Half the price of the table.
        assert journal.spent == pytest.approx(6 * (100 * 0.3 + 50 * 2.5) / 2 / 1e6)
        run(server, tmp_path, 48)
    assert len(server.jobs) == 2 and len(server.requests) == 6


def test_rows_that_failed_in_a_job_that_succeeded_are_asked_again(tmp_path: Path) -> None:
    with ModelServer(good, reply("no JSON")) as server:
        server.row_errors = [0, 3]
        got, journal = run(server, tmp_path, 32)
    assert got == [3] * 32 and len(server.requests) == 4 + 3
    assert journal.statuses == {"ok": 4, "spent": 3}


def test_a_job_that_succeeds_with_every_row_failed(tmp_path: Path) -> None:
    with ModelServer() as server:
        server.row_errors = list(range(100))
        with pytest.raises(TeacherError, match="no usable reply to any of 4 requests"):
            run(server, tmp_path, 32)
        assert len(server.jobs) == 3
        server.row_errors = []
        got, _ = run(server, tmp_path, 32)
        assert got == [3] * 32 and len(server.jobs) == 4


def test_a_job_that_could_not_be_made_costs_nothing(tmp_path: Path) -> None:
    with ModelServer() as server:
        pass
    with pytest.raises(TeacherError, match="no connection"):
        run(server, tmp_path, 32)
    journal = Journal(tmp_path / "journal")
    assert journal.requests == 4 and journal.spent == 0


def test_one_row_that_never_works_costs_only_itself(tmp_path: Path) -> None:
    def picky(asked: Asked) -> Answer:
        return reply("no") if any(a["text"] == "Seed number 1" for a in asked) else good(asked)

    with ModelServer(always=picky) as server:
        got, _ = run(server, tmp_path, 32)
    assert got == [3, 0, *[3] * 30]


def test_a_job_of_an_interrupted_run_is_read_not_made_again(tmp_path: Path) -> None:
    with ModelServer() as server:
        _, journal = run(server, tmp_path, 16)
        lines = (tmp_path / "journal").read_text("utf-8").splitlines(keepends=True)
        made = next(n for n, line in enumerate(lines) if "job" in json.loads(line))
        # Killed while it waited for the job; then killed before it could note the job's name.
        for kept in (lines[: made + 1], lines[:made]):
            (tmp_path / "journal").write_text("".join(kept), "utf-8")
            got, journal = run(server, tmp_path, 16)
            assert got == [3] * 16 and len(server.jobs) == 1 and not journal.jobs


def test_the_ceiling_of_requests_holds(tmp_path: Path) -> None:
    with ModelServer() as server:
        got, _ = run(server, tmp_path, 80, max_requests=6)
    assert len(server.requests) == 6 and sum(map(bool, got)) == 48


def test_begun_by_jobs_and_finished_in_one_process(tmp_path: Path) -> None:
    with ModelServer() as server:
        whole = DatagenConfig(teacher="gemini", base_url=server.url, paraphrases=8)
        generate(PERSONAL, whole, tmp_path / "async")
        batch = whole.model_copy(update={"executor": "gemini-batch", "max_requests": 5})
        before = len(server.requests)
        generate(PERSONAL, batch, tmp_path / "mixed")
        assert len(server.requests) == before + 5 and len(server.jobs) == 1
        generate(PERSONAL, whole, tmp_path / "mixed")
        assert len(server.requests) == before + 9
    assert files(tmp_path / "mixed") == files(tmp_path / "async")
