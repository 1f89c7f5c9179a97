"""Aims: how decisions follow from scores, one file each."""
