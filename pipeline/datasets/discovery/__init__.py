"""What lies at a path: files, formats, splits and labels by their names."""
