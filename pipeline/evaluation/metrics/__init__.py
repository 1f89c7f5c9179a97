"""Numbers on predictions, over many resamples at once."""
