"""What training makes small: one number from the losses of a batch."""
