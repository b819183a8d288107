"""What is asked of a model: paraphrases of seeds, along which axes, in which words, and how its reply is checked."""
