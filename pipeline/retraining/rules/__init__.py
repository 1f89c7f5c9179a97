"""Reasons to retrain, one file each."""
