"""What a Gemini model takes is asked of the service or learnt from its refusals; one that is gone is told by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.errors import TeacherError
from pocketmoji.datagen.clients.gemini import THINKING, Habits
from pocketmoji.datagen.executors.budget import Budget
from pocketmoji.datagen.executors.gemini_batch import GeminiBatchExecutor
from pocketmoji.datagen.executors.journal import Journal
from pocketmoji.datagen.teachers.model_teacher import ModelTeacher
from tests.datagen.model_server import Answer, Asked, ModelServer, failure, gemini_body, good
from tests.datagen.teachers.test_model_teachers import Run, asks, no_outside

__all__ = ["no_outside"]
MINIMAL = "Thinking level MINIMAL is not supported for this model. Please retry with other thinking level."


def level(body: dict[str, Any]) -> Any:
    thinking = body["generationConfig"].get("thinkingConfig", {})
    return next((value for value in thinking.values() if value is not None), None)


def takes(*levels: Any, words: str = MINIMAL) -> Any:
    def habit(path: str, body: dict[str, Any]) -> Answer | None:
        return None if level(body) in levels else failure(400, "INVALID_ARGUMENT", words)

    return habit


def of(name: str, **more: Any) -> dict[str, Any]:
    return {"name": f"models/{name}", "supportedGenerationMethods": ["generateContent"], **more}


@pytest.mark.parametrize(
    ("habit", "asked"),
    [
        (takes("MINIMAL", "LOW", "MEDIUM", "HIGH"), ["MINIMAL"]),
        (takes("LOW", "MEDIUM", "HIGH"), ["MINIMAL", "LOW"]),
        (
            takes(
                "LOW",
                "MEDIUM",
                words="'minimal' is not a supported thinking level. Allowed values are: medium, low, high.",
            ),
            ["MINIMAL", "LOW"],
        ),
        (takes("LOW", words="THINKING_LEVEL_MINIMAL is unsupported"), ["MINIMAL", "LOW"]),
        (takes(0, words="Thinking level is not supported for this model."), ["MINIMAL", 0]),
        (takes(None, words="thinking_config is not supported."), ["MINIMAL", None]),
    ],
)
def test_the_fewest_thoughts_that_the_model_takes(tmp_path: Path, habit: Any, asked: list[Any]) -> None:
    with ModelServer() as server:
        server.habit = habit
        run = Run(server, tmp_path, asks(40), concurrency=8, price="10,100")
    found = [level(request) for request in server.requests]
    assert found == [*asked, *[asked[-1]] * 4] and all(len(texts) == 3 for texts in run.texts)
    # A refusal costs nothing.
    assert run.journal.spent == pytest.approx(5 * (100 * 10 + 50 * 100) / 1e6)


def test_the_refusals_of_an_older_model() -> None:
    """Levels, then budgets: one that cannot but think says so of a budget of 0."""
    habits = Habits()
    assert habits.learn(habits.form, "Thinking level is not supported for this model.")
    assert THINKING[habits.thinking] == {"thinking_budget": 0}
    sent = habits.form
    assert habits.learn(sent, "Budget 0 is invalid. This model only works in thinking mode.")
    assert THINKING[habits.thinking] == {"thinking_budget": 128}
    assert habits.learn(sent, "Budget 0 is invalid.") == ""  # known by then
    assert habits.learn(habits.form, "The prompt is empty") is None


def test_a_model_that_does_not_think_is_not_told_how(tmp_path: Path) -> None:
    with ModelServer() as server:
        server.models = [of("fake-model", thinking=False)]
        Run(server, tmp_path, asks(8))
        server.models = [of("fake-model", thinking=True)]
        Run(server, tmp_path / "thinks", asks(8))
    assert [level(request) for request in server.requests] == [None, "MINIMAL"]


def test_with_room_for_thoughts_the_model_decides(tmp_path: Path) -> None:
    with ModelServer() as server:
        Run(server, tmp_path, asks(8), thinking_tokens=1000)
    assert level(server.requests[0]) is None


def test_the_temperature_is_left_alone(tmp_path: Path) -> None:
    with ModelServer() as server:
        Run(server, tmp_path, asks(8))
    assert "temperature" not in server.requests[0]["generationConfig"]


def test_a_model_that_is_gone_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    with ModelServer() as server:
        server.models = [
            of("gemini-flash-lite-latest"),
            of("fake-model-2"),
            {"name": "models/embed", "supportedGenerationMethods": ["embedContent"]},
        ]
        with pytest.raises(TeacherError, match=r"expected: one of fake-model-2, gemini-flash-lite-latest\n") as caught:
            Run(server, tmp_path, asks(80), concurrency=8)
    assert not server.requests and "--teacher-model" in str(caught.value) and "embed" not in str(caught.value)


def test_a_model_that_new_users_do_not_get(tmp_path: Path) -> None:
    """The service has it, and refuses it to this key."""
    words = "This model models/fake-model is no longer available to new users."
    with ModelServer(failure(404, "NOT_FOUND", words)) as server:
        server.models = [of("fake-model"), of("gemini-flash-latest")]
        with pytest.raises(TeacherError, match=r"(?s)no longer available to new users.*gemini-flash-latest"):
            Run(server, tmp_path, asks(80), concurrency=8)
    assert len(server.requests) == 1


def test_the_price_of_the_model_that_a_request_was_passed_on_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def passed_on(asked: Asked) -> Answer:
        return Answer(body=gemini_body(good(asked)) | {"modelVersion": "gemini-3.5-flash"})

    config = {"teacher": "gemini", "teacher_model": "gemini-flash-lite-latest", "max_cost": 1.0}
    with ModelServer(always=passed_on) as server:
        from pocketmoji.datagen.executors.async_executor import AsyncExecutor
        from pocketmoji.datagen.teachers.teachers import client_opener

        settings = DatagenConfig(**config, base_url=server.url)
        name = "gemini:gemini-flash-lite-latest"
        journal = Journal(tmp_path / "journal")
        budget = Budget(name, settings, journal)
        opener = client_opener(name, settings, {"GEMINI_API_KEY": "the-key"})
        teacher = ModelTeacher(name, AsyncExecutor(name, opener, journal, budget, settings), journal, budget, settings)
        list(teacher.paraphrase(asks(8), lambda n: None))
    assert journal.spent == pytest.approx((100 * 1.5 + 50 * 9) / 1e6)
    assert "gemini-3.5-flash answers" in capsys.readouterr().err


def test_batch_jobs_learn_from_the_rows_that_were_refused(tmp_path: Path) -> None:
    with ModelServer() as server:
        config = DatagenConfig(teacher="gemini", base_url=server.url, executor="gemini-batch")
        journal = Journal(tmp_path / "journal")
        name = "gemini:gemini-flash-lite-latest"
        budget = Budget(name, config, journal)

        async def sleep(seconds: float) -> None:
            pass

        executor = GeminiBatchExecutor("gemini-flash-lite-latest", "key", server.url, journal, budget, sleep=sleep)
        server.row_errors, server.row_error = [0], {"code": 3, "message": MINIMAL}
        teacher = ModelTeacher(name, executor, journal, budget, config)
        assert [len(texts) for texts in teacher.paraphrase(asks(8), lambda n: None)] == [3] * 8
    assert [level(request) for request in server.requests] == ["MINIMAL", "LOW"]
