"""An OpenAI-compatible endpoint, asked as the others are."""

from __future__ import annotations

import pytest

from pocketmoji.core.errors import InputError
from pocketmoji.core.text.prompt import messages
from pocketmoji.evaluate.runtimes.openai_runtime import OpenaiRuntime
from tests.evaluate.completions_server import completions_server


def test_answers_in_order_with_the_projects_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    with completions_server(busy_first=2) as (address, seen):
        done: list[int] = []
        found = OpenaiRuntime(address + "/", "big", 16, backoff_s=0.01).predict(["a", "cut b", "c"], done.append)
    assert [(p.text, p.raw, p.stopped) for p in found] == [("a", "🎉", True), ("cut b", "🎉", False), ("c", "🎉", True)]
    assert len(seen) == 5 and sum(done) == 3  # two were put off and came again
    assert seen[0]["temperature"] == 0 and seen[0]["path"] == "/v1/chat/completions"
    assert {request["key"] for request in seen} == {"Bearer secret"}
    assert messages("a") in [request["messages"] for request in seen]


@pytest.mark.parametrize(("model", "told"), [("broken", "no chat completion"), ("absent", "answers 404")])
def test_wrong_answers(model: str, told: str) -> None:
    with completions_server() as (address, _), pytest.raises(InputError, match=told):
        OpenaiRuntime(address, model, 16).predict(["a"])


def test_nobody_there() -> None:
    with completions_server() as (address, _):
        pass
    with pytest.raises(InputError, match="does not answer"):
        OpenaiRuntime(address, "big", 16, backoff_s=0.0).predict(["a"])
