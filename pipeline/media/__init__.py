"""What a sample is: a picture, a clip or a volume, and the one reader of them all."""
