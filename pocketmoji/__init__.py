"""From a list of phrases and your emoji to a tiny language model of your own, proven in a browser.

The functions to call are in `pocketmoji.api`, which is loaded when it is first used.
"""

from typing import TYPE_CHECKING, Any

from pocketmoji.core.version import __version__

if TYPE_CHECKING:
    from pocketmoji import api

__all__ = ["__version__", "api"]


def __getattr__(name: str) -> Any:
    if name == "api":
        from importlib import import_module

        return import_module("pocketmoji.api")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
