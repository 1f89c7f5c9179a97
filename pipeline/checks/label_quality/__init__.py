"""Labels with which out-of-fold predictions disagree."""
