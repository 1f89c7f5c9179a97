"""Intervals, tests and counts over arrays; nothing here knows what a picture is."""
