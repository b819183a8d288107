"""The Gemma terms travel with every model that is written."""

from __future__ import annotations

from pathlib import Path

from pocketmoji.core.workspace import write_text

TERMS = "https://ai.google.dev/gemma/terms"
PROHIBITED_USE = "https://ai.google.dev/gemma/prohibited_use_policy"


def write_notice(folder: Path, base: str, change: str) -> None:
    """Write NOTICE into a model folder: whose model it is, under which terms, and how it was modified."""
    write_text(
        folder / "NOTICE",
        "Gemma is provided under and subject to the Gemma Terms of Use found at "
        f"{TERMS}\n\nModified from {base} by pocketmoji: {change}.\n"
        f"Use is subject to the Gemma Prohibited Use Policy: {PROHIBITED_USE}\n",
    )
