"""The base that is tuned: its weights, its pruned vocabulary, and the token that ends an answer."""
