"""Which properties give the label away: each alone, and how surely."""
