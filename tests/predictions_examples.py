"""Predictions made of matrices."""

import numpy as np

from pipeline.core.predictions import Predictions


def make_predictions(targets, decided, scores=None, groups=None, names=None, classes=None):
    """Each sample is a group of its own unless told, and the scores are the decisions."""
    targets, decided = np.asarray(targets), np.asarray(decided).astype(bool)
    num, num_classes = targets.shape
    return Predictions(
        sample_ids=np.array([f"s{row}" for row in range(num)] if names is None else list(names), dtype=object),
        groups=np.asarray(np.arange(num) if groups is None else groups).astype(str),
        targets=targets,
        decided=decided,
        scores=decided.astype(float) if scores is None else np.asarray(scores),
        classes=[f"class {column}" for column in range(num_classes)] if classes is None else list(classes),
    )
