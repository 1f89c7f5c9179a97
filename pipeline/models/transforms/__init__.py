"""Deterministic steps from a stored array to the tensor that an encoder takes."""
