"""Drift: how new pictures and logged predictions differ from what the model in use was trained on."""
