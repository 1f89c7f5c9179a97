"""What may happen to pictures between training and use; uint8 in, uint8 out, at five severities."""
