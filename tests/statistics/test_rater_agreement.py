"""Cohen's kappa of a pair and of several, by hand."""

import numpy as np
import pytest

from pipeline.statistics.bootstrap import Bootstrap
from pipeline.statistics.rater_agreement import RatedPair, estimate_kappa

BOOTSTRAP = Bootstrap(num_resamples=200, seed=0)


def pair(yes_yes, yes_no, no_yes, no_no, start=0):
    first = np.repeat([0, 0, 1, 1], [yes_yes, yes_no, no_yes, no_no])
    second = np.repeat([0, 1, 0, 1], [yes_yes, yes_no, no_yes, no_no])
    return RatedPair(first=first, second=second, groups=np.arange(start, start + len(first)).astype(str))


def test_a_table_of_four():
    found = estimate_kappa([pair(20, 5, 10, 15)], BOOTSTRAP)  # agreement 0.7, chance 0.5
    assert found.value == pytest.approx(0.4)
    assert found.low < 0.4 < found.high
    assert found.low > 0.1
    assert found.high < 0.65
    assert (found.n, found.groups) == (50, 50)


def test_pairs_together_are_weighed_by_their_samples():
    other = pair(10, 0, 0, 10, start=50)  # agreement 1, chance 0.5
    found = estimate_kappa([pair(20, 5, 10, 15), other], BOOTSTRAP)
    agreed, chance = (35 + 20) / 70, 0.5
    assert found.value == pytest.approx((agreed - chance) / (1 - chance))


def test_groups_that_move_together_widen_the_interval():
    one = pair(60, 15, 30, 45)
    grouped = RatedPair(first=one.first, second=one.second, groups=(np.arange(150) // 10).astype(str))
    wide, narrow = estimate_kappa([grouped], BOOTSTRAP), estimate_kappa([one], BOOTSTRAP)
    assert wide.value == pytest.approx(narrow.value)
    assert wide.high - wide.low > 1.3 * (narrow.high - narrow.low)


def test_no_number_where_everybody_says_the_same():
    found = estimate_kappa([pair(30, 0, 0, 0)], BOOTSTRAP)
    assert (found.value, found.n) == (None, 30)
    assert estimate_kappa([], BOOTSTRAP).n == 0
