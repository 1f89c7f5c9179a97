"""What a training makes small; the loop steps any of these."""
