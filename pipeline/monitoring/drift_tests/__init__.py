"""The measures of drift, one file each."""
