"""How often each sample of train is sampled."""
