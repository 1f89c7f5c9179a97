"""How far the features of a picture are from those of train."""
