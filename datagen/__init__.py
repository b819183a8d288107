"""Seeds in, a dataset out: teachers write paraphrases, filters and splits keep it honest, a card describes it."""
