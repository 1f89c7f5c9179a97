"""Work on several configurations at once: what a leaderboard compares, what a search tries."""
