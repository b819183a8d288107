"""The model card of a web folder: README.md with the Hub's front matter, from what the run measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pocketmoji.core.notice import TERMS
from pocketmoji.core.text.memory import MEMORY_FILE
from pocketmoji.core.text.prompt import render
from pocketmoji.core.workspace import write_text

METRICS = {
    "other_words_recall": "other words",
    "everyday_acceptable": "everyday",
    "typed_recall": "as typed",
    "compliance": "compliance",
    "seed_recall": "phrases",
    "paraphrase_recall": "paraphrases",
    "parity": "parity",
}


def write_card(folder: Path, about: Mapping[str, Any], file: str) -> None:
    """`file` ships; `about` is export.json: artefacts with scores, why it ships, the merged model's scores."""
    training = about["training"]
    rows = [("trained model, in Python", about["merged"])]
    rows += [(f"{one['name']} ({one['bytes'] / 1e6:.0f} MB)", one["scores"]) for one in about["artefacts"]]
    table = "\n".join(
        f"| {name} | {scores['n']} | " + " | ".join(_percent(scores.get(metric)) for metric in METRICS) + " |"
        for name, scores in rows
    )
    write_text(
        folder / "README.md",
        f"""---
license: gemma
library_name: transformers.js
pipeline_tag: text-generation
base_model: {about["base_model"]}
tags: [emoji, gemma3, pocketmoji]
---

# A personal emoji model

{about["base"]}, tuned with QLoRA on a personal list of phrases and their emoji by pocketmoji: a text in, emoji out.
`{file}` ships: {about["reason"]}.

## Data and training

{training["examples"]} rows, {training["steps"]} steps, answers end on `{training["stop_token"]}`; trained through the
grid of `{training["quantise"]}`, in {training["precision"]} on {training["device"]}. The vocabulary has
{training["vocabulary"]["kept"]:,} of {training["vocabulary"]["full"]:,} tokens.
{_memory(about.get("memory"))}

## Scores

On raw outputs. Exactly the emoji of the list: for its phrases, for these as people type them (capitals, title case,
hashtags, typos), for paraphrases that were not trained, and for those of them in quite other words. Everyday: phrases
that are on no list, an emoji that would do. Compliance: nothing but emoji. Parity: the tokens of the trained model.

| artefact | texts | {" | ".join(METRICS.values())} |
|---|---|{"---|" * len(METRICS)}
{table}

Half precision: {about["numerics"]["half"]}.

## Prompt

The page and `pocketmoji ask` write the text in small letters and hashtags as their words ("#GoodMorning" is "good
morning") before they put it for TEXT; answers are best then.

    {render("TEXT").replace(chr(10), chr(10) + "    ").rstrip()}

## Licence and limits

Gemma is provided under and subject to the [Gemma Terms of Use]({TERMS}); see NOTICE. It knows its owner's list:
on other texts its answers are guesses.
""",
    )


def _memory(memory: Mapping[str, int] | None) -> str:
    """Whoever publishes the folder publishes the list: that is said before it happens."""
    if not memory:
        return "\nThe list itself is not in this folder."
    return f"""
**The list travels with the model**: `{MEMORY_FILE}` holds its {memory["rows"]:,} phrases and paraphrases with
their emoji in plain text ({memory["bytes"]:,} bytes), from which the page and `pocketmoji ask` recall a phrase that is
nearly what was typed. `pocketmoji export --no-memory` (or `run --no-memory`) leaves it out. The scores below are the
model's alone."""


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
