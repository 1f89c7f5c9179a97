"""People in the loop: which samples to label next, what a model may label, and the page on which people do it."""
