"""Encoders: networks and descriptors that turn samples into features."""
