"""A model folder in a real browser: Chromium, the local server, the runtimes in the page, and the check of all of them."""
