"""The page on which people label, and the calls behind it."""
