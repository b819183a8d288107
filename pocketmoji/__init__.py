"""From a list of phrases and your emoji to a tiny language model of your own, proven in a browser."""

from pocketmoji.core.version import __version__

__all__ = ["__version__"]
