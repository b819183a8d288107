"""The teacher that the settings name, ready to be asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.console import say
from pocketmoji.core.errors import InputError, TeacherError
from pocketmoji.core.extras import require_extra
from pocketmoji.core.text.language import called
from pocketmoji.datagen.clients.client import Client
from pocketmoji.datagen.clients.recorded import SUFFIX, RecordedModel
from pocketmoji.datagen.executors.async_executor import AsyncExecutor
from pocketmoji.datagen.executors.budget import Budget
from pocketmoji.datagen.executors.journal import Journal
from pocketmoji.datagen.requests.teacher import Teacher
from pocketmoji.datagen.teachers.filled_up import FilledUp
from pocketmoji.datagen.teachers.judge import Judge
from pocketmoji.datagen.teachers.model_teacher import Executor, ModelTeacher
from pocketmoji.datagen.teachers.offline import OfflineTeacher

GEMINI_KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
JOURNAL = ".teacher_journal.jsonl"
RECORDED = "recorded:"


def find_recording(seeds: Path, config: DatagenConfig) -> Path | None:
    """The recording that the settings name, else the one beside the list, if there is one."""
    if config.recording:
        if not config.recording.is_file():
            raise InputError(
                f"there is no file {config.recording}", expected="a recording of paraphrases", where="--recording"
            )
        return config.recording
    beside = seeds.with_name(seeds.name.removesuffix(seeds.suffix) + SUFFIX)
    return beside if beside.is_file() else None


def teacher_name(
    config: DatagenConfig, recording: Path | None = None, environment: Mapping[str, str] = os.environ
) -> str:
    """ "offline" or "<teacher>:<model>": "auto" is Gemini if there is a key, else the recording if there is one."""
    kind: str = config.teacher
    if kind == "auto":
        kind = "recorded" if recording else "offline"
        if _gemini_key(environment):
            kind = "gemini"
        elif config.base_url:
            kind = "openai"
    if kind == "offline":
        return "offline"
    if kind == "recorded":
        if recording is None:
            raise InputError(
                "the recorded teacher has no recording",
                expected=f"a file LIST{SUFFIX} beside the list, or --recording FILE",
                where="settings of datagen",
            )
        return f"{RECORDED}{recording.name}"
    default = DatagenConfig.model_fields["teacher_model"].default
    if kind != "gemini" and config.teacher_model == default:
        raise InputError(
            f"--teacher {kind} has no --teacher-model",
            expected="the name of a model on that server" if kind == "openai" else "a folder or a Hub repository",
            where="settings of datagen",
        )
    return f"{kind}:{config.teacher_model}"


def choose_teacher(
    config: DatagenConfig,
    journal: Journal,
    environment: Mapping[str, str],
    languages: Sequence[str] = ("en",),
    recording: Path | None = None,
) -> Teacher:
    """The teacher that the settings name, for seeds in these languages. Says which it took and why."""
    name = teacher_name(config, recording, environment)
    asked = config.teacher != "auto"
    if name == "offline":
        why = "asked for" if asked else f"no {' or '.join(GEMINI_KEYS)} is set"
        say(f"datagen: teacher offline, hand-written rules and no model ({why})")
        say_limits_of_rules(languages)
        return OfflineTeacher(config.random_seed, languages)
    if recording and name.startswith(RECORDED):
        say(f"datagen: teacher {name}, which a language model wrote; rules fill up what it does not have")
        model = RecordedModel(recording)
        budget = Budget(name, config, journal)
        told = ModelTeacher(name, AsyncExecutor(name, lambda: model, journal, budget, config), journal, budget, config)
        return FilledUp(told, model, OfflineTeacher(config.random_seed, languages))
    open_client = client_opener(name, config, environment)
    why = "asked for" if asked else "a key is set" if name.startswith("gemini:") else "--base-url names a server"
    say(f"datagen: teacher {name} ({why}), executor {config.executor}")
    budget = Budget(name, config, journal)
    executor = make_executor(name, open_client, config, journal, budget)
    return ModelTeacher(name, executor, journal, budget, config)


def say_limits_of_rules(languages: Sequence[str]) -> None:
    """Says so where the offline teacher has little to say in the list's language."""
    if tuple(languages) != ("en",):
        say(
            f"datagen: the list is in {called(languages)}, and the rules know English only: texts in other languages"
            " get typing slips and the like, no phrases around them. For paraphrases use a model: --teacher gemini or"
            " openai"
        )


def choose_judge(config: DatagenConfig, journal: Journal, environment: Mapping[str, str]) -> Judge | None:
    """The model that --judge names. With the teacher's journal its ceilings hold for both together."""
    if not config.judge:
        return None
    kind, _, model = config.judge.partition(":")
    if kind not in ("gemini", "openai", "transformers") or not model:
        raise InputError(
            f"--judge is {config.judge!r}",
            expected="gemini:MODEL, openai:MODEL or transformers:FOLDER",
            where="settings of datagen",
        )
    budget = Budget(config.judge, config, journal)
    open_client = client_opener(config.judge, config, environment)
    say(f"datagen: what passes the filters goes to the judge {config.judge}")
    executor = make_executor(config.judge, open_client, config, journal, budget)
    return Judge(config.judge, executor, journal, config)


def client_opener(name: str, config: DatagenConfig, environment: Mapping[str, str]) -> Callable[[], Client]:
    """What opens a client of the model (one for each event loop); TeacherError if there is no key for it."""
    kind, _, model = name.partition(":")
    require_extra({"transformers": "train"}.get(kind, kind), what=f"{name} as a teacher")
    if kind == "openai":
        base_url = config.base_url or environment.get("OPENAI_BASE_URL", "")
        key = environment.get("OPENAI_API_KEY") or ("none" if base_url else "")
        if not key:
            raise TeacherError(
                "the openai teacher has no key",
                expected="OPENAI_API_KEY in the environment, or --base-url for a server that needs none",
                remedy="set the key, or use --teacher offline",
            )
        from pocketmoji.datagen.clients.openai_compatible import OpenAIClient, dialect_of

        dialect = dialect_of(base_url)
        return lambda: OpenAIClient(model, key, dialect, config.timeout, base_url)
    if kind == "transformers":
        from pocketmoji.datagen.clients.local_model import LocalModel

        local = LocalModel(model, config.random_seed)
        return lambda: local
    from pocketmoji.datagen.clients.gemini import GeminiClient, Habits

    secret, habits = gemini_key(environment), Habits()
    return lambda: GeminiClient(model, secret, config.base_url, habits, config.timeout)


def make_executor(
    name: str, open_client: Callable[[], Client], config: DatagenConfig, journal: Journal, budget: Budget
) -> Executor:
    if config.executor == "gemini-batch":
        from pocketmoji.datagen.executors.gemini_batch import GeminiBatchExecutor

        if not name.startswith("gemini:"):
            raise InputError(
                f"--executor gemini-batch with the teacher {name}",
                expected="the gemini teacher: these jobs are Gemini's",
                where="settings of datagen",
            )
        model = name.partition(":")[2]
        return GeminiBatchExecutor(
            model, gemini_key(os.environ), config.base_url, journal, budget, timeout=config.timeout
        )
    if config.executor == "ray":
        require_extra("ray", what="--executor ray")
        from pocketmoji.datagen.executors.ray_client import RayClient

        client = RayClient(name, open_client)
        return AsyncExecutor(name, lambda: client, journal, budget, config)
    return AsyncExecutor(name, open_client, journal, budget, config)


def gemini_key(environment: Mapping[str, str]) -> str:
    key = _gemini_key(environment)
    if not key:
        raise TeacherError(
            "the gemini teacher has no key",
            expected=f"{' or '.join(GEMINI_KEYS)} in the environment",
            remedy="set the key, or use --teacher offline",
        )
    return key


def _gemini_key(environment: Mapping[str, str]) -> str | None:
    return next((environment[name] for name in GEMINI_KEYS if environment.get(name)), None)
