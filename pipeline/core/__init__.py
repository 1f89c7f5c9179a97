"""What everything stands on; imports nothing else of the project."""
