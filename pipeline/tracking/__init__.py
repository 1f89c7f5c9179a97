"""Runs and model versions in MLflow; only this package knows MLflow."""
