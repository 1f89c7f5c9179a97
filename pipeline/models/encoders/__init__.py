"""Networks and descriptors: sample in, features out."""
