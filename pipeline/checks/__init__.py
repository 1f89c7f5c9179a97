"""What is measured on the data before anything learns from it."""
