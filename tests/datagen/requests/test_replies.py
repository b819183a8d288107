"""What models put around the JSON that was asked for is read; what is not there is not made up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pocketmoji.datagen.requests.reply import parsed
from pocketmoji.datagen.requests.request import ItemsReply

ITEMS: list[dict[str, Any]] = [
    {"number": 1, "paraphrases": [{"style": 1, "text": 'a, ] {"x"}'}]},
    {"number": 2, "paraphrases": [{"style": 1, "text": "b"}]},
]
GOOD = json.dumps({"items": ITEMS})


@pytest.mark.parametrize(
    "answer",
    [
        GOOD,
        f"Sure! Here are [two] of them:\n\n```json\n{GOOD}\n```\n\nLet me know if you need more!",
        f"```JSON\n{GOOD}\n```",
        f"~~~\n{GOOD}\n~~~",
        f"```json\n{GOOD}",
        f"{GOOD}\n\nI hope {{this}} helps!",
        f"{GOOD},",
        f"\ufeff{GOOD}",
        f'First {{"items": []}}, and then: {GOOD}',
        f'<think>Perhaps {{"items": []}}?</think>{GOOD}',
        GOOD.replace("}]}", "},]},"),
        GOOD.replace('"number": 1', '"number": "1"'),
        json.dumps({"items": [item | {"text": "echoed"} for item in ITEMS], "note": "done"}),
        json.dumps(ITEMS),
        "\n".join(map(json.dumps, ITEMS)),
        "\n\n".join(f"```json\n{json.dumps(item)}\n```" for item in ITEMS),
        json.dumps({"response": {"items": ITEMS}}),
        json.dumps({"paraphrases": ITEMS}),
        json.dumps(GOOD),
        str({"items": ITEMS}),
    ],
)
def test_what_stands_around_the_json_is_passed_over(answer: str) -> None:
    found = parsed(ItemsReply, answer, 2)
    assert [(item.number, item.paraphrases[0].text) for item in found.items] == [(1, 'a, ] {"x"}'), (2, "b")]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("", "an empty answer"),
        ("<think>Hm", "thoughts without an answer"),
        ("<think>Hm</think>", "thoughts without an answer"),
        ("<!DOCTYPE html><html>", "HTML instead of JSON"),
        ("I would rather not.", "Invalid JSON"),
        (GOOD[:60], "Invalid JSON"),
        ('{"items": [{"number": 1}]}', "Field required at items.0.paraphrases"),
    ],
)
def test_what_is_not_there_is_not_made_up(answer: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parsed(ItemsReply, answer, 2)
