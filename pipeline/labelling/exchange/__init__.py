"""The data set of a project in the formats of other tools."""
