"""Limits that make an evaluation fail, and the committed results that they compare with."""
