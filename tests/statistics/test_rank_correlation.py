"""Spearman's correlation of many rows at once is SciPy's of two."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata

from pipeline.statistics.rank_correlation import unit_ranks


@given(arrays(np.float64, (2, 7), elements=st.integers(-3, 3)))
def test_the_product_of_two_rows_is_their_rank_correlation(rows):
    left, right = unit_ranks(rows)
    ranks = rankdata(rows, axis=1)
    if np.ptp(rows[0]) and np.ptp(rows[1]):
        assert left @ right == pytest.approx(np.corrcoef(ranks)[0, 1], abs=1e-9)
    else:
        assert np.isnan(left @ right)


def test_any_growing_function_of_the_numbers_has_the_same_ranks():
    rows = np.random.default_rng(0).normal(size=(3, 20))
    np.testing.assert_allclose(unit_ranks(np.exp(rows)), unit_ranks(rows))
    assert unit_ranks(rows[:0]).shape == (0, 20)
