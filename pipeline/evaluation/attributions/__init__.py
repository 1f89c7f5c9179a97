"""Attribution maps, by captum: one file per method."""
