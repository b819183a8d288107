"""A dataset on disk: its splits, the leaks between them, its files, its card."""
