"""Figures per value of each told attribute, and per class at each value."""

import numpy as np
import pandas as pd
import pytest

from pipeline.core.predictions import Predictions
from pipeline.evaluation.metrics.accuracy import Accuracy
from pipeline.evaluation.metrics.rate import Rate
from pipeline.evaluation.slices import COLUMNS, slice_table
from pipeline.statistics.bootstrap import Bootstrap

BOOTSTRAP = Bootstrap(num_resamples=200, seed=0)
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
    known = {"sample_id": groups, "group": groups, "labels": labels, "scores": scores, "decided": decided}
    return pd.DataFrame({**known, **attributes})


def sliced(test, min_slice=2, metrics=METRICS, cells=False):
    """The rows of values, or those of class x value."""
    found = slice_table(test, Predictions.of(test, ["a", "b"]), metrics, BOOTSTRAP, min_slice)
    return found[found["attribute"].str.endswith(" and label") == cells]


def test_cells_show_what_values_hide():
    # a at x and b at y are the rule and right, a at y and b at x the exceptions and wrong
    right = [1, 1] * 3 + [0, 0, 0, 0]
    found = sliced(table(right, attr_site=list("xyxyxyyxyx")))
    assert found.loc[found["metric"] == "accuracy", ["slice", "value"]].to_numpy().tolist() == [["x", 0.6], ["y", 0.6]]
    found = sliced(table(right, attr_site=list("xyxyxyyxyx")), cells=True)
    assert found[["attribute", "slice", "n", "metric", "value"]].to_numpy().tolist() == [
        ["site and label", "x, a", 3, "accuracy", 1.0],
        ["site and label", "x, b", 2, "accuracy", 0.0],
        ["site and label", "y, a", 2, "accuracy", 0.0],
        ["site and label", "y, b", 3, "accuracy", 1.0],
    ]


def test_a_cell_that_is_small_has_no_figure_and_an_empty_one_no_row():
    found = sliced(table([1] * 5, attr_site=list("xyxyx")), cells=True, min_slice=3)
    assert found[["slice", "n"]].to_numpy().tolist() == [["x, a", 3], ["y, b", 2]]
    assert found["value"].isna().tolist() == [False, True]


def test_a_sample_of_several_labels_is_in_the_cell_of_each():
    test = table([1, 1, 1, 1], attr_site=list("xxyy")).assign(labels=[["a", "b"], ["b"], ["a"], ["b"]])
    found = sliced(test, cells=True, min_slice=1)
    assert found[["slice", "n", "value"]].to_numpy().tolist() == [
        ["x, a", 1, 0.0], ["x, b", 2, 0.5], ["y, a", 1, 1.0], ["y, b", 1, 1.0]
    ]  # fmt: skip


@pytest.mark.parametrize(("num_values", "expected"), [(1, 0), (12, 24), (13, 0)])
def test_cells_only_of_attributes_that_vary_and_that_leave_few(num_values, expected):
    sites = [f"n{position // 2 % num_values:02d}" for position in range(4 * num_values)]
    assert len(sliced(table([1] * len(sites), attr_site=sites), cells=True)) == expected


def test_without_accuracy_there_are_no_cells():
    test = table([1, 1, 0, 0], attr_site=list("xxyy"))
    assert sliced(test, cells=True, metrics={"recall_macro": METRICS["recall_macro"]}).empty


def test_one_row_per_attribute_value_and_metric_that_is_not_per_class():
    found = sliced(table([1, 1, 1, 0, 0, 1], attr_site=["x", "x", "y", "y", "y", "y"], attr_lens=["k"] * 6))
    assert list(found) == ["attribute", "slice", "n", "groups", "metric", "value", "low", "high", "caveat"]
    assert found[["attribute", "slice", "n", "metric", "value"]].to_numpy().tolist() == [
        ["site", "x", 2, "accuracy", 1.0],
        ["site", "x", 2, "recall_macro", 1.0],
        ["site", "y", 4, "accuracy", 0.5],
        ["site", "y", 4, "recall_macro", 0.5],
        ["lens", "k", 6, "accuracy", pytest.approx(2 / 3)],
        ["lens", "k", 6, "recall_macro", pytest.approx(2 / 3)],
    ]
    assert found["groups"].tolist() == [2, 2, 4, 4, 6, 6]


def test_a_slice_has_an_interval_where_five_groups_hold_it():
    right = [1, 0] * 6 + [1, 0, 1, 0]
    test = table(right, attr_site=["x"] * 12 + ["y"] * 4)
    test["group"] = [f"g{position // 2}" for position in range(16)]  # six groups of x, two of y
    x, y = sliced(test, metrics={"accuracy": Accuracy()}).to_dict("records")
    assert (x["n"], x["groups"], x["value"]) == (12, 6, 0.5)
    assert 0 < x["low"] < 0.5 < x["high"] < 1
    assert x["caveat"].startswith("it rests on 6 independent groups only")
    assert (y["n"], y["groups"], y["value"]) == (4, 2, 0.5)
    assert np.isnan(y["low"])
    assert np.isnan(y["high"])
    assert y["caveat"] == "no interval: it rests on 2 independent groups, fewer than 5"


def test_small_slices_are_listed_without_a_figure():
    found = sliced(table([1] * 8, attr_site=["x"] * 7 + ["y"]), metrics={"accuracy": Accuracy()})
    assert found["n"].tolist() == [7, 1]
    assert found["groups"].tolist() == [7, 1]
    assert found["value"].isna().tolist() == [False, True]
    assert found[["low", "high", "caveat"]].isna().all(axis=1).tolist() == [False, True]


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
    assert list(found) == ["attribute", "slice", "n", "groups", "metric", "value", "low", "high", "caveat"]
    assert list(found) == COLUMNS
    assert found.empty


def test_rows_are_found_by_position_whatever_the_index():
    test = table([1, 1, 0, 0], attr_site=["x", "x", "y", "y"])
    test.index = [7, 3, 9, 1]
    assert sliced(test, metrics={"accuracy": Accuracy()})["value"].tolist() == [1.0, 0.0]
