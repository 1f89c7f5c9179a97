"""A trained model over HTTP: answers in batches, limits, feedback, and what annotation tools call."""
