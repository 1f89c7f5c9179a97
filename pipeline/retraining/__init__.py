"""Retraining on a schedule: look at the data, decide, run the pipeline, record, and go on where a kill ended it."""
