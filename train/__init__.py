"""From a dataset to a tuned model: base model, vocabulary pruning, preflight, QLoRA, merge."""
