"""What is measured by hand: neither a test nor a stage."""
