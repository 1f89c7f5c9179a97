"""The table of label x nuisance, worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from pipeline.core.errors import UserError
from pipeline.datasets.subgroups import (
    check_property_name,
    empty_subgroups,
    label_combination_ids,
    median_split,
    property_values,
    subgroup_ids,
)

TARGETS = np.array([[1, 0], [0, 1], [1, 1], [1, 0], [0, 0]])
SITES = pd.Series(list("yxyyx"))


def test_combinations_of_labels_are_numbered_in_the_order_of_their_rows():
    assert label_combination_ids(TARGETS).tolist() == [2, 1, 3, 2, 0]


def test_a_cell_is_a_combination_at_a_value_and_only_taken_cells_have_a_number():
    # values in the order of their coming, y then x; (none, x), (b, x), (a, y), (both, y)
    assert subgroup_ids(TARGETS, SITES).tolist() == [2, 1, 3, 2, 0]


def test_empty_cells_are_named_by_class_and_value():
    assert empty_subgroups(TARGETS, SITES, ["a", "b"]) == ["a at x"]
    assert empty_subgroups(TARGETS, SITES) == ["0 at x"]
    assert empty_subgroups(np.array([[1, 0], [1, 0]]), pd.Series(["x", "y"]), ["a", "b"]) == []  # b occurs nowhere


def test_a_number_is_cut_into_equally_filled_bins_and_few_values_are_not():
    index = pd.DataFrame({"prop_noise": [5.0, 1.0, 3.0, 2.0, 6.0, 4.0], "attr_year": [1, 2, 1, 2, 1, 2]})
    bins = property_values(index, "prop_noise", 3, "sampling.by")
    assert bins.groupby(bins).groups.keys() == {"(0.999, 2.667]", "(2.667, 4.333]", "(4.333, 6.0]"}
    assert bins.map({"(0.999, 2.667]": 0, "(2.667, 4.333]": 1, "(4.333, 6.0]": 2}).tolist() == [2, 0, 1, 0, 2, 1]
    assert property_values(index, "attr_year", 2, "sampling.by").tolist() == ["1", "2"] * 3


def test_a_number_that_most_samples_share_is_cut_beside_it():
    index = pd.DataFrame({"prop_noise": [0.0] * 5 + [1.0, 2.0, 3.0], "prop_quality": [9.0] * 5 + [1.0, 2.0, np.nan]})
    assert property_values(index, "prop_noise", 2, "sampling.by").tolist() == ["up to 0"] * 5 + ["above 0"] * 3
    mostly = property_values(index, "prop_quality", 2, "sampling.by")
    assert mostly.tolist() == ["of 9"] * 5 + ["below 9"] * 2 + ["unknown"]


def test_halves_of_nothing_known():
    sides, names = median_split(np.array([np.nan, np.inf]))
    assert (sides.tolist(), len(names)) == ([-1, -1], 2)


def test_what_is_missing_is_a_value_of_its_own():
    index = pd.DataFrame({"attr_site": ["x", None], "prop_jpeg_quality": [90.0, np.nan]})
    assert property_values(index, "attr_site", 2, "risk.by").tolist() == ["x", "unknown"]
    assert property_values(index, "prop_jpeg_quality", 2, "risk.by").tolist() == ["90.0", "unknown"]


def test_what_cannot_be_a_nuisance():
    index = pd.DataFrame({"prop_noise": [1.0, 1.0], "labels": [["a"], ["b"]]})
    with pytest.raises(UserError, match=r"^risk\.by names 'attr_x', which the samples .*; expected one of prop_noise$"):
        property_values(index, "attr_x", 2, "risk.by")
    with pytest.raises(UserError, match=r"^risk\.by names 'prop_noise', which is 1\.0 in all of train"):
        property_values(index, "prop_noise", 2, "risk.by")
    with pytest.raises(UserError, match=r"^risk\.by names 'attr_x', .*; they have no property and no attribute$"):
        property_values(index[["labels"]], "attr_x", 2, "risk.by")


@pytest.mark.parametrize("by", [None, "", "brightness", 3])
def test_by_names_a_property_or_an_attribute(by):
    with pytest.raises(ValueError, match=r"^by must name a property \(prop_brightness\) or an attribute \(attr_site\)"):
        check_property_name(by)
