"""Files for chats: whatever a chat sends, the model is asked with the prompt that it was trained with."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.core.text import prompt
from pocketmoji.core.text.emoji import emoji_table, is_compliant, split_emoji
from pocketmoji.core.text.prompt import BOS, PHRASE_TEMPLATE, SYSTEM, messages, render
from pocketmoji.export.gbnf import write_gbnf
from pocketmoji.export.modelfile import write_modelfile

GOLDEN: list[dict[str, str]] = json.loads((Path(prompt.__file__).parent / "golden_prompts.json").read_text("utf-8"))
EARLIER = [{"role": "user", "content": "my cat"}, {"role": "assistant", "content": "🐈"}]


def rendered(chat: list[dict[str, str]]) -> str:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    template = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(PHRASE_TEMPLATE)
    return template.render(messages=chat, bos_token=BOS, add_generation_prompt=True)


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row["text"][:20])
def test_the_ggufs_template_gives_the_golden_prompt(row: dict[str, str]) -> None:
    phrase = {"role": "user", "content": row["text"]}
    for chat in ([phrase], messages(row["text"]), [*EARLIER, phrase], [messages("")[0], *EARLIER, phrase]):
        assert rendered(chat) == row["prompt"]


def test_another_system_text_is_taken() -> None:
    chat = [{"role": "system", "content": "In French: "}, {"role": "user", "content": "tea"}]
    assert rendered(chat) == render("tea").replace(SYSTEM, "In French: ")


def phrase_alone(template: str) -> str:
    """What the Modelfile's template writes around the last message of a chat without a system message.

    The few directives of Go's language that it has are replaced by hand; any other is an error.
    """
    start, end = "{{- range $i, $_ := .Messages }}{{- if eq (len (slice $.Messages $i)) 1 }}", "{{ end }}{{ end }}"
    assert template.startswith(start) and template.endswith(end)
    body = template.removeprefix(start).removesuffix(end)
    body = re.sub(r"\{\{ if \$\.System \}\}\{\{ \$\.System \}\}\{\{ else \}\}([^{]*)\{\{ end \}\}", r"\1", body)
    assert re.findall(r"\{\{.*?\}\}", body) == ["{{ .Content }}"]
    return body


def test_the_modelfile_puts_the_trained_prompt_around_a_phrase(tmp_path: Path) -> None:
    path = write_modelfile(tmp_path, "model-Q8_0.gguf", ["<eos>", "<end_of_turn>"], 18)
    text = path.read_text("utf-8")
    found = re.fullmatch(
        r'FROM \./model-Q8_0\.gguf\nTEMPLATE """(.*)"""\nPARAMETER stop "<eos>"\nPARAMETER stop "<end_of_turn>"\n'
        r"PARAMETER temperature 0\nPARAMETER num_predict 18\n",
        text,
        re.DOTALL,
    )
    assert path.name == "Modelfile" and found
    body = phrase_alone(found[1])
    for row in GOLDEN:
        phrase = row["text"].strip()  # Go's templates cannot strip: a chat that sends spaces around a phrase keeps them
        assert BOS + body.replace("{{ .Content }}", phrase) == row["prompt"]


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """emoji.gbnf as a regular expression: it has no rule that leads to itself."""
    text = write_gbnf(tmp_path_factory.mktemp("gbnf"), 4).read_text("utf-8")
    rules = dict(line.split(" ::= ", 1) for line in text.splitlines())

    def expand(rule: str) -> str:
        parts = re.sub(r" (n\d+)", lambda found: f"(?:{expand(rules[found[1]])})", rule)
        return parts.replace(" | ", "|")

    assert rules["root"] == "emoji{1,4}" and len(text) < 100_000
    return re.compile(f"(?:{expand(rules['emoji'])}){{1,4}}")


def test_the_gbnf_knows_every_emoji(matcher: Any) -> None:
    for sequence in emoji_table():
        assert matcher.fullmatch(sequence), ascii(sequence)


def test_the_gbnf_judges_as_find_fault_does(matcher: Any) -> None:
    source = random.Random(0)
    pieces = [*source.sample(sorted(emoji_table()), 200), "\u200d", "\ufe0f", "\U0001f3fd", "🇩", "1", "\u20e3", "a"]
    for _ in range(2_000):
        text = "".join(source.choices(pieces, k=source.randint(1, 5)))
        whole = is_compliant(text) and len(split_emoji(text) or []) <= 4
        assert bool(matcher.fullmatch(text)) == whole, ascii(text)
