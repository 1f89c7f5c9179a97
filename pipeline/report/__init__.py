"""The report: offline HTML pages for people."""
