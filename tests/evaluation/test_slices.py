"""Figures of slices: classes, values of attributes, bins of properties, groups and pairs."""

import json

import numpy as np
import pandas as pd
import pytest
from slice_examples import of, table

from pipeline.core.predictions import Predictions
from pipeline.evaluation.metrics.accuracy import Accuracy
from pipeline.evaluation.metrics.balanced_accuracy import BalancedAccuracy
from pipeline.evaluation.metrics.rate import Rate
from pipeline.evaluation.slice_candidates import list_slices
from pipeline.evaluation.slices import COLUMNS, slice_table
from pipeline.statistics.bootstrap import Bootstrap

BOOTSTRAP = Bootstrap(num_resamples=200, seed=0)
METRICS = {
    "accuracy": Accuracy(),
    "recall": Rate(number="recall", averaging="none"),
    "recall_macro": Rate(number="recall", averaging="macro"),
}


def sliced(test, min_slice=2, metrics=METRICS, of_attributes=True, classes=("a", "b")):
    """The rows of values of attributes, or all."""
    predictions = Predictions.of(test, list(classes))
    slices, _ = list_slices(test, predictions, min_slice, 500)
    found = slice_table(slices, predictions, metrics, BOOTSTRAP, min_slice)
    return found[found["attribute"].isin(["site", "lens"])] if of_attributes else found


def test_pairs_show_what_values_hide():
    # a at x and b at y are the rule and right, a at y and b at x the exceptions and wrong
    right = [1, 1] * 3 + [0, 0, 0, 0]
    test = table(right, attr_site=list("xyxyxyyxyx"))
    found = sliced(test)
    assert found.loc[found["metric"] == "accuracy", ["slice", "value"]].to_numpy().tolist() == [["x", 0.6], ["y", 0.6]]
    found = sliced(test, of_attributes=False)
    cells = found[found["attribute"] == "site and label"]
    assert cells[["slice", "n", "metric", "value", "rest"]].to_numpy().tolist() == [
        ["y, a", 2, "accuracy", 0.0, 6 / 8],
        ["x, b", 2, "accuracy", 0.0, 6 / 8],
        ["x, a", 3, "accuracy", 1.0, 3 / 7],
        ["y, b", 3, "accuracy", 1.0, 3 / 7],
    ]


def test_one_row_per_value_and_metric_that_is_not_per_class_and_the_worst_comes_first():
    found = sliced(table([1, 1, 1, 0, 0, 1], attr_site=["x", "x", "y", "y", "y", "y"], attr_lens=["k"] * 6))
    assert list(found) == COLUMNS
    assert found[["attribute", "slice", "n", "metric", "value"]].to_numpy().tolist() == [
        ["site", "y", 4, "accuracy", 0.5],
        ["site", "y", 4, "recall_macro", 0.5],
        ["lens", "k", 6, "accuracy", pytest.approx(2 / 3)],
        ["lens", "k", 6, "recall_macro", pytest.approx(2 / 3)],
        ["site", "x", 2, "accuracy", 1.0],
        ["site", "x", 2, "recall_macro", 1.0],
    ]
    assert found["groups"].tolist() == [4, 4, 6, 6, 2, 2]


def test_what_all_share_is_compared_with_nothing():
    found = sliced(table([1, 1, 1, 0], attr_site=list("xxxx")), metrics={"accuracy": Accuracy()})
    assert found["value"].tolist() == [0.75]
    assert found[["rest", "p", "verdict"]].isna().all(axis=None)


def test_a_slice_of_one_class_has_no_mean_over_classes():
    metrics = METRICS | {
        "balanced_accuracy": BalancedAccuracy(),
        "f1_weighted": Rate(number="f1", averaging="weighted"),
    }
    found = sliced(table([1, 0, 1, 1, 0, 1], attr_site=list("xyxyxy")), metrics=metrics, of_attributes=False)
    assert found.loc[found["slice"] == "b", "metric"].tolist() == ["accuracy", "f1_weighted"]  # of the class itself
    assert found["metric"][found["attribute"] == "site"].tolist() == []  # the same samples as those of the classes
    both = sliced(table([1, 0, 1, 1], attr_site=list("xxyy")), metrics=metrics)
    assert set(both["metric"]) == {"accuracy", "recall_macro", "balanced_accuracy", "f1_weighted"}


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


def test_small_slices_come_last_without_a_figure():
    found = sliced(table([1] * 8, attr_site=["y"] + ["x"] * 7), metrics={"accuracy": Accuracy()})
    assert found["n"].tolist() == [7, 1]
    assert found["groups"].tolist() == [7, 1]
    assert found["value"].isna().tolist() == [False, True]
    assert found[["low", "high", "caveat", "p"]].isna().all(axis=1).tolist() == [False, True]


def test_a_weak_slice_comes_before_one_that_is_lower_by_chance():
    right = np.ones(200, dtype=int)
    right[:60:2] = right[100:104] = right[150] = 0
    test = table(right, attr_site=["weak"] * 60 + ["fine"] * 140, attr_lens=["few"] * 0 + ["k"] * 100 + ["l"] * 100)
    found = sliced(test, metrics={"accuracy": Accuracy()})
    first = found.iloc[0]
    assert (first["slice"], first["n"], first["value"], first["rest"]) == ("weak", 60, 0.5, pytest.approx(135 / 140))
    assert (first["p"], first["verdict"]) == (0.001, "weaker")
    fine = found[found["slice"] == "fine"].iloc[0]
    assert fine["verdict"] == "not shown"
    assert fine["found_from"] < 165 / 200


def test_a_weak_slice_names_its_mistakes_or_what_it_repeats():
    # a at x is wrong in 40 of 40; b at x is right, so x is weak because of it
    right = [row >= 80 or row % 2 for row in range(400)]
    found = sliced(table(right, attr_site=["x"] * 80 + ["y"] * 320), of_attributes=False)
    found = found[found["metric"] == "accuracy"].set_index(["attribute", "slice"])
    cell, whole, fine = found.loc[("site and label", "x, a")], found.loc[("site", "x")], found.loc[("site", "y")]
    assert (cell["verdict"], whole["verdict"], fine["verdict"]) == ("weaker", "weaker", "not shown")
    assert whole["repeats"] == "site and label = x, a"
    assert pd.isna(whole["mistakes"])
    assert pd.isna(cell["repeats"])
    assert json.loads(cell["mistakes"]) == ["g0", "g10", "g12", "g14"]  # equally sure, so in the order of their names
    assert found.loc[[("site", "y")], ["repeats", "mistakes"]].isna().all(axis=None)


def test_no_mistake_is_named_twice():
    right = [row >= 40 and (row % 4 or row >= 120) for row in range(400)]
    names = ["w"] * 40 + ["x"] * 80 + ["y"] * 280
    found = sliced(table(right, attr_site=names, attr_lens=["k"] * 120 + ["l"] * 280), metrics={"accuracy": Accuracy()})
    weak = found[found["verdict"] == "weaker"]
    assert weak["slice"].tolist()[:1] == ["w"]
    named = [name for text in weak["mistakes"].dropna() for name in json.loads(text)]
    assert len(named) == len(set(named)) >= 4


def test_without_accuracy_nothing_is_compared():
    test = table([1, 1, 0, 0], attr_site=list("xxyy"))
    found = sliced(test, metrics={"recall_macro": METRICS["recall_macro"]}, of_attributes=False)
    assert set(found["metric"]) == {"recall_macro"}
    assert found["verdict"].isna().all()


def test_without_slices_there_are_no_rows_but_all_columns():
    predictions = of(table([1, 0]))
    found = slice_table([], predictions, METRICS, BOOTSTRAP, 2)
    assert list(found) == COLUMNS
    assert found.empty


def test_several_labels_are_right_only_together():
    test = table([1, 1, 1, 1], attr_site=list("xxyy")).assign(labels=[["a", "b"], ["b"], ["a"], ["b"]])
    found = sliced(test, of_attributes=False, min_slice=1, metrics={"accuracy": Accuracy()})
    cells = found[found["attribute"] == "label"].set_index("slice")
    assert cells["value"].to_dict() == {"a": 0.5, "b": pytest.approx(2 / 3)}


def test_the_table_survives_its_file(tmp_path):
    found = sliced(table([1, 0] * 20, attr_site=["None", "NA"] * 20), of_attributes=False)
    found.to_csv(tmp_path / "slices.csv", index=False)
    again = pd.read_csv(tmp_path / "slices.csv", keep_default_na=False)
    assert again["slice"].tolist() == found["slice"].tolist()
