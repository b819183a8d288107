"""An evaluation's files: the page for people, and what inspect_ai, lm-evaluation-harness and pandas read."""
