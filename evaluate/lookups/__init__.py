"""What a model must beat to be worth training: answers from look-up, without a model."""
