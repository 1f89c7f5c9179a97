"""Colibri: labelled pictures in, a trustworthy image classifier out."""
