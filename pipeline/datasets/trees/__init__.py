"""Archives and remote trees as folders on this disk: contained, bounded, fetched once."""
