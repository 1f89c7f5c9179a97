"""Frozen features: how they are computed and stored, and the linear probes fitted to them."""
