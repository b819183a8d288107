"""The ray executor: the real openai client in the workers of a local Ray, against a local server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.errors import InputError, TeacherError
from pocketmoji.datagen.generate import generate
from tests.datagen.model_server import ModelServer, failure
from tests.datagen.read_back import files

PERSONAL = Path("seeds/personal.csv")


@pytest.fixture(scope="module", autouse=True)
def two_workers() -> Iterator[None]:
    import ray

    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("RAY_ADDRESS", raising=False)
        environment.setenv("OPENAI_API_KEY", "the-key")
        environment.setenv("NO_PROXY", "127.0.0.1")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
        yield
        ray.shutdown()


def test_begun_in_one_process_and_finished_on_ray(tmp_path: Path) -> None:
    busy = failure(429, "RESOURCE_EXHAUSTED", "slow down", Retry_After="0")
    with ModelServer() as server:
        whole = DatagenConfig(teacher="openai", teacher_model="m", base_url=f"{server.url}/v1", concurrency=4)
        generate(PERSONAL, whole, tmp_path / "async")
        needed = len(server.requests)
        generate(PERSONAL, whole.model_copy(update={"max_requests": 3}), tmp_path / "mixed")
        assert len(server.requests) == needed + 3
        server.script.append(busy)
        generate(PERSONAL, whole.model_copy(update={"executor": "ray"}), tmp_path / "mixed")
        assert len(server.requests) == 2 * needed + 1  # the one that was refused, and none that was answered before
    assert files(tmp_path / "mixed") == files(tmp_path / "async")


def test_a_refused_key_is_the_same_error_as_without_ray(tmp_path: Path) -> None:
    with ModelServer(always=lambda asked: failure(401, "UNAUTHENTICATED", "no such key")) as server:
        config = DatagenConfig(teacher="openai", teacher_model="m", base_url=f"{server.url}/v1", executor="ray")
        with pytest.raises(TeacherError, match="the key for openai:m was refused"):
            generate(PERSONAL, config, tmp_path / "out")


def test_without_ray_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    config = DatagenConfig(teacher="openai", teacher_model="m", base_url="http://127.0.0.1:9/v1", executor="ray")
    with pytest.raises(InputError, match=r"pip install 'pocketmoji\[ray\]'"):
        generate(PERSONAL, config, tmp_path / "out")
