"""Scores on raw outputs: metrics, intervals, runtimes, comparison, gates and the report."""
