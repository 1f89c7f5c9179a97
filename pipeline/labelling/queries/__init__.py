"""Which samples to label next, and what a strategy is worth."""
