"""A model folder in a real browser: Chromium, the local server, the runtimes in the page, the check of them all."""
