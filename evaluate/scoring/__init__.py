"""From answers to scores: the evaluation texts, the metrics over them, and comparisons of runtimes."""
