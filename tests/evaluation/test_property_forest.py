"""Bins that are learnt once sort their own samples as the check does, and others alike."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from pipeline.core.errors import UserError
from pipeline.evaluation.property_forest import PropertyBinner, property_bins
from pipeline.statistics.binning import NUM_BINS, bin_edges, digitize, quantile_bins

numbers = st.lists(st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1)


@settings(max_examples=200, deadline=None)
@given(numbers)
def test_bins_are_ranks_in_sixteenths(values):
    """The definition: the mid-rank's place in sixteen equal parts."""
    values = np.array(values)
    known = np.isfinite(values)
    expected = np.full(len(values), NUM_BINS)
    middle = rankdata(values[known]) - 0.5
    expected[known] = middle * NUM_BINS / max(1, len(middle))
    assert quantile_bins(values).tolist() == expected.tolist()


def test_edges_by_hand():
    ends = bin_edges(np.arange(32.0))
    assert ends == [float(one) for one in range(2, 32, 2)]
    assert digitize(np.array([-5, 1.9, 2.0, 31, 99, np.nan]), ends).tolist() == [0, 0, 1, 15, 15, 16]
    assert bin_edges(np.array([np.nan])) == []


def table(num, seed):
    generator = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "labels": [["a"]] * num,
            "prop_one": np.where(generator.random(num) < 0.1, np.nan, generator.random(num)),
            "attr_site": generator.choice(["x", "y", None], num, p=[0.6, 0.3, 0.1]),
            "attr_grade": generator.integers(0, 4, num).astype(float),
            "attr_age": generator.integers(0, 90, num).astype(float),
            "attr_exif_time": [f"2026-01-{1 + one % 28:02d} 10:00:00" for one in range(num)],
        }
    )


@pytest.mark.parametrize("seed", range(5))
def test_their_own_samples_are_sorted_as_the_check_sorts_them(seed):
    told = table(80, seed)
    bins = PropertyBinner.fit(told)
    own = pd.DataFrame(property_bins(told), columns=["one", "site", "grade", "age", "time"])
    found = pd.DataFrame(bins(told), columns=[*bins.ordered, *bins.named])
    found.columns = found.columns.str.replace(r"^(prop|attr)(_exif)?_", "", regex=True)
    pd.testing.assert_frame_equal(found[own.columns], own, check_dtype=False)
    assert set(bins.ordered) == {"prop_one", "attr_age", "attr_exif_time"}


def test_others_are_sorted_alike():
    told = table(200, 0)
    bins = PropertyBinner.fit(told)
    np.testing.assert_array_equal(bins(told.iloc[:3]), bins(told)[:3])  # three ages are still numbers
    new = told.iloc[[0]].assign(attr_site="z", prop_one=1e9)
    assert bins(new)[0, 0] == 15
    assert bins(new)[0, [*bins.ordered, *bins.named].index("attr_site")] == 15


def test_rare_values_share_a_bin():
    told = pd.DataFrame({"attr_site": [f"s{one:02d}" for one in range(20) for _ in range(40 - one)]})
    bins = PropertyBinner.fit(told)
    assert bins.named["attr_site"] == [f"s{one:02d}" for one in range(15)]
    np.testing.assert_array_equal(bins(told), property_bins(told))


def test_nothing_is_told():
    told = pd.DataFrame({"labels": [["a"], ["b"]]})
    assert PropertyBinner.fit(told)(told).tolist() == [[0], [0]]


def test_a_column_that_is_missing():
    with pytest.raises(
        UserError, match=r"^the forest on the properties needs the column 'prop_one', which the samples lack$"
    ):
        PropertyBinner.fit(table(9, 0))(table(3, 1).drop(columns="prop_one"))
