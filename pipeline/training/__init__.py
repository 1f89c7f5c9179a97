"""From packed arrays to a predictor: the recipe, the loop, checkpoints, the model card."""
