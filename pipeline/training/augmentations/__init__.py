"""Random changes of a sample; uint8 in, uint8 out, a draw per sample."""
