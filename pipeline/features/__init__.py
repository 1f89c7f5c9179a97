"""Frozen features: how they are computed, stored, and what linear probes read from them."""
