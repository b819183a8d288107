"""The language that every stage of pocketmoji shares: emoji, prompt, records, runtime, config, workspace."""

__version__ = "0.1.0"
