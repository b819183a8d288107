"""Chromium, the engines in its page as runtimes, and what is measured of them: latency and logits."""
