"""Features whose class can be told, and labels of which some are known to be wrong."""

import numpy as np

CLASSES = ("ant", "bee", "fly")


def make_features(num_per_class=40, seed=0, spread=0.5):
    """(N, 24) features around the centre of their class, and (N,) class numbers, classes in turn."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(len(CLASSES), 24))
    truth = np.arange(num_per_class * len(CLASSES)) % len(CLASSES)
    return centres[truth] + generator.normal(scale=spread, size=(len(truth), 24)), truth


def exchanged(truth, rows):
    """Class numbers, in these rows the next one."""
    given = truth.copy()
    given[rows] = (given[rows] + 1) % len(CLASSES)
    return given


def named(numbers):
    return [[CLASSES[one]] for one in numbers]
