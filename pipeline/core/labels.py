"""Lists of label names to matrices, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def to_matrix(labels: Sequence[Sequence[str]], classes: Sequence[str]) -> np.ndarray:
    """Lists of labels to (N, K) float32 in {0, 1}, columns in the order of `classes`."""
    position = {name: column for column, name in enumerate(classes)}
    result = np.zeros((len(labels), len(classes)), dtype=np.float32)
    for row, names in enumerate(labels):
        for name in names:
            result[row, position[name]] = 1
    return result


def to_lists(decided: np.ndarray, classes: Sequence[str]) -> list[list[str]]:
    """(N, K) bool to lists of labels, each in the order of `classes`; empty where nothing was decided."""
    names = np.array(classes, dtype=object)
    return [names[row].tolist() for row in decided]
