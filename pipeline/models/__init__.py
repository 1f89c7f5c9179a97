"""Transforms from pictures to tensors, and encoders from tensors to features."""
