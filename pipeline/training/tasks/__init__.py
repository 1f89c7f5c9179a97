"""What a label means: targets, loss, probabilities, decisions."""
