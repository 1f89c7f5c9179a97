"""The commands that a person or a scheduler runs."""
