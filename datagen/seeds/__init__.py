"""Seed lists as people have them, read into seeds."""
