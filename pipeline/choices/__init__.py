"""What parameters must satisfy before anything runs."""
