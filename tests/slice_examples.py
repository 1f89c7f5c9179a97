"""Test samples of two classes that are decided rightly or not, and their slices."""

import numpy as np
import pandas as pd

from pipeline.core.predictions import Predictions
from pipeline.evaluation.slice_candidates import list_slices


def table(right, **columns):
    """Test samples of class a and b in turn, decided rightly or not."""
    labels = [["ab"[position % 2]] for position in range(len(right))]
    scores = [np.eye(2)[(position + (not one)) % 2] for position, one in enumerate(right)]
    groups = [f"g{position}" for position in range(len(right))]
    decided = [["ab"[one.argmax()]] for one in scores]
    known = {"sample_id": groups, "group": groups, "labels": labels, "scores": scores, "decided": decided}
    return pd.DataFrame({**known, **columns})


def of(test):
    return Predictions.of(test, ["a", "b"])


def listed(test, min_slice=2, max_slices=500):
    """Attribute, value and rows of each slice, without those of the classes alone."""
    slices, left_out = list_slices(test, of(test), min_slice, max_slices)
    return [(one.attribute, one.value, one.rows.tolist()) for one in slices if one.kinds != ("class",)], left_out
