"""Who goes to train, val and test."""
