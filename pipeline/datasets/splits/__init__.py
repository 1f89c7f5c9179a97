"""The rules that assign samples to train, val and test."""
