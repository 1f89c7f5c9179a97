"""Which samples to label next: a file for each strategy of conf/query/."""
