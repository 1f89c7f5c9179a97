"""Pictures of a batch mixed with each other, and their targets alike."""
