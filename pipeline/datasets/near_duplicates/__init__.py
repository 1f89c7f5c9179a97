"""Pictures of one photograph, and the groups that must stay in one split."""
