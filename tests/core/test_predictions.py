"""Targets and decisions of some samples, row by row."""

import numpy as np
import pandas as pd
import pytest

from pipeline.core.predictions import Predictions

TABLE = pd.DataFrame(
    {
        "sample_id": ["x", "y", "z"],
        "group": ["g", "h", "g"],
        "labels": [["a"], ["a", "b"], []],
        "decided": [["a"], ["b"], []],
        "scores": [np.float32([0.9, 0.1]), np.float32([0.4, 0.6]), np.float32([0.2, 0.3])],
    },
    index=[5, 3, 9],
)


@pytest.fixture
def predictions():
    return Predictions.of(TABLE, ["a", "b"])


def test_rows_of_the_artifact(predictions):
    assert predictions.sample_ids.tolist() == ["x", "y", "z"]
    assert predictions.groups.tolist() == ["g", "h", "g"]
    assert predictions.targets.tolist() == [[1, 0], [1, 1], [0, 0]]
    assert predictions.targets.dtype == np.float32
    assert predictions.decided.tolist() == [[True, False], [False, True], [False, False]]
    assert predictions.scores.dtype == np.float32
    assert len(predictions) == 3
    assert predictions.num_groups == 2
    assert predictions.is_right.tolist() == [True, False, True]


def test_some_of_them(predictions):
    for rows in (np.array([2, 0]), np.array([True, False, True])):
        part = predictions.take(rows)
        assert sorted(part.sample_ids) == ["x", "z"]
        assert part.num_groups == 1
        assert part.is_right.all()
        assert part.classes == ["a", "b"]
    assert predictions.take(np.array([2, 0])).sample_ids.tolist() == ["z", "x"]


def test_of_no_row_the_shapes_are_those_of_the_classes():
    nothing = Predictions.of(TABLE.iloc[:0], ["a", "b"])
    assert len(nothing) == 0
    assert nothing.targets.shape == nothing.decided.shape == nothing.scores.shape == (0, 2)
