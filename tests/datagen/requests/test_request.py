"""What a request is identified by. Journals that were paid for outlive releases: whoever changes these values has every
user pay again."""

from __future__ import annotations

from pocketmoji.core.records import Seed
from pocketmoji.datagen.requests.axes import AXES
from pocketmoji.datagen.requests.request import Request
from pocketmoji.datagen.requests.teacher import Ask
from pocketmoji.datagen.teachers.judge import JudgeRequest

SEEDS = [Seed(seed_id=f"s{n}", text=f'Grüße "{n}"', emoji="🎉", line=n + 2) for n in range(3)]


def test_fingerprints_are_what_they_were() -> None:
    several = Request("openai:m", tuple(Ask(seed, 3, ("Heard before",), n) for n, seed in enumerate(SEEDS)), AXES)
    own_axes = Request("openai:m", (Ask(SEEDS[0], 2),), {"register": ("casual", "formal")}, "German")
    judged = JudgeRequest("openai:m", (Ask(SEEDS[0], 2),), {}, "", (("a", "b"),))
    assert [request.fingerprint for request in (several, own_axes, judged)] == [
        "e36051591064262e4773dd16672cbf628f8b138b456f506f283ce21496af5e05",
        "5d588e0c9ee389b916ddb2cc621998acfce53116061ce487b7c1e1bd8cb0cfd0",
        "c3ae35c48a528621e53a808de0eadd7b9be053cfaa9217e212fc6cb1de2f8085",
    ]


def test_without_its_prompt_a_request_is_the_same() -> None:
    request = Request("openai:m", tuple(Ask(seed, 12, (), 5) for seed in SEEDS), AXES)
    light = request.without_prompt()
    reply = [[(style, f"take {style}") for style in range(14)]] * 3
    assert light.candidates(reply) == request.candidates(reply)
    assert (light.fingerprint, light.prompt, light) == (request.fingerprint, request.prompt, request)
