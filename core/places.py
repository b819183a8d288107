"""Where things lie that come with pocketmoji, in a checkout of its repository and installed, and what it keeps."""

from __future__ import annotations

import os
from pathlib import Path

# The folder that holds core/, datagen/ and the rest: the repository's root, or pocketmoji/ among installed packages.
ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "demo"
CHECKOUT = (DEMO / "package.json").is_file()
"""True in a checkout, which builds the page from its sources with Node.js; an installed package brings it along."""
PACKED_PAGE = ROOT / "pocketmoji" / "page.zip" if CHECKOUT else ROOT / "page.zip"
SEEDS = ROOT / "seeds"


def cache_folder() -> Path:
    """What may be made anew is kept here: $POCKETMOJI_CACHE, else pocketmoji in the user's cache folder."""
    if chosen := os.environ.get("POCKETMOJI_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "pocketmoji"


def shipped_seeds(name: str) -> Path:
    """A list that comes with pocketmoji, as short as it can be written from the current folder."""
    path, here = SEEDS / name, Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def litert_environment() -> Path:
    """The folder of the LiteRT converter's own environment."""
    return ROOT / ".venv-litert" if CHECKOUT else cache_folder() / "venv-litert"
