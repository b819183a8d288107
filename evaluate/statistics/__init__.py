"""Intervals, paired tests and what they can see."""
