"""How good predictions are: figures with intervals, slices, paired comparison, and what the properties alone reach."""
