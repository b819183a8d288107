"""One training: what is proved before it, its rows as tokens, its loss, its grid, and which epoch is kept."""
