"""The result of a browser test as records, and the files that are written of it."""
