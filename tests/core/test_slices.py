"""Figures per value of each told attribute."""

import numpy as np
import pandas as pd
import pytest

from pipeline.core.slices import slices
from pipeline.metrics.accuracy import Accuracy
from pipeline.metrics.rate import Rate

METRICS = {
    "accuracy": Accuracy(),
    "recall": Rate(number="recall", averaging="none"),
    "recall_macro": Rate(number="recall", averaging="macro"),
}


def table(right, **attributes):
    """Test samples of class a and b in turn, decided rightly or not."""
    labels = [["ab"[position % 2]] for position in range(len(right))]
    scores = [np.eye(2)[(position + (not one)) % 2] for position, one in enumerate(right)]
    groups = [f"g{position}" for position in range(len(right))]
    decided = [["ab"[one.argmax()]] for one in scores]
    return pd.DataFrame({"labels": labels, "scores": scores, "decided": decided, "group": groups, **attributes})


def sliced(test, min_slice=2, metrics=METRICS):
    return slices(test, metrics, ["a", "b"], num_resamples=200, seed=0, min_slice=min_slice)


def test_one_row_per_attribute_value_and_metric_that_is_not_per_class():
    found = sliced(table([1, 1, 1, 0, 0, 1], attr_site=["x", "x", "y", "y", "y", "y"], attr_lens=["k"] * 6))
    assert list(found) == ["attribute", "slice", "n", "metric", "value", "low", "high"]
    assert found[["attribute", "slice", "n", "metric", "value"]].to_numpy().tolist() == [
        ["site", "x", 2, "accuracy", 1.0],
        ["site", "x", 2, "recall_macro", 1.0],
        ["site", "y", 4, "accuracy", 0.5],
        ["site", "y", 4, "recall_macro", 0.5],
        ["lens", "k", 6, "accuracy", pytest.approx(2 / 3)],
        ["lens", "k", 6, "recall_macro", pytest.approx(2 / 3)],
    ]
    assert (found["low"] <= found["value"]).all()
    assert (found["value"] <= found["high"]).all()


def test_small_slices_are_listed_without_a_figure():
    found = sliced(table([1, 1, 1], attr_site=["x", "x", "y"]), metrics={"accuracy": Accuracy()})
    assert found["n"].tolist() == [2, 1]
    assert found["value"].isna().tolist() == [False, True]
    assert found[["low", "high"]].isna().all(axis=1).tolist() == [False, True]


def test_rows_without_a_value_are_in_no_slice():
    found = sliced(table([1, 1, 0, 1], attr_site=["x", "x", None, None]), metrics={"accuracy": Accuracy()})
    assert found[["slice", "n", "value"]].to_numpy().tolist() == [["x", 2, 1.0]]


def test_many_numbers_are_cut_into_quarters():
    found = sliced(table([1] * 10 + [0] * 10, attr_age=np.arange(20.0)), metrics={"accuracy": Accuracy()})
    assert found["n"].tolist() == [5, 5, 5, 5]
    assert found["value"].tolist() == [1, 1, 0, 0]
    assert found["slice"].tolist()[1:] == ["(4.75, 9.5]", "(9.5, 14.25]", "(14.25, 19.0]"]


def test_few_numbers_are_taken_as_they_are():
    found = sliced(table([1, 1, 0, 0], attr_year=[2020, 2020, 2021, 2021]), metrics={"accuracy": Accuracy()})
    assert found[["slice", "value"]].to_numpy().tolist() == [["2020", 1.0], ["2021", 0.0]]


def test_more_names_than_can_be_read_are_passed_over():
    assert sliced(table([1] * 26, attr_name=[f"n{position // 2}" for position in range(26)])).empty
    assert len(sliced(table([1] * 24, attr_name=[f"n{position // 2}" for position in range(24)]))) == 24


def test_without_attributes_there_are_no_rows_but_all_columns():
    found = sliced(table([1, 0]))
    assert list(found) == ["attribute", "slice", "n", "metric", "value", "low", "high"]
    assert found.empty


def test_rows_are_found_by_position_whatever_the_index():
    test = table([1, 1, 0, 0], attr_site=["x", "x", "y", "y"])
    test.index = [7, 3, 9, 1]
    assert sliced(test, metrics={"accuracy": Accuracy()})["value"].tolist() == [1.0, 0.0]
