"""An inverse power law is found again, and what is uncertain is not claimed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.estimate import Estimate
from pipeline.evaluation.curve_text import GAIN, POINT, describe_curve
from pipeline.evaluation.learning_curve import (
    CurvePoint,
    curve_estimates,
    fit_power_law,
    misfit,
    predict_power_law,
)
from pipeline.statistics.bootstrap import Bootstrap

SIZES = np.array([100.0, 200.0, 400.0, 800.0])
BOOTSTRAP = Bootstrap(num_resamples=200, seed=0)


def test_a_law_without_noise_is_found_again_and_continued():
    # 0.1 + 2 n^-0.5: 0.3 at 100, 0.2 at 400, 0.15 at 1,600
    law = fit_power_law(SIZES, (0.1 + 2 * SIZES**-0.5)[None])
    assert [float(one[0]) for one in law] == pytest.approx([0.1, 2.0, 0.5])
    assert predict_power_law(law, 1600)[0] == pytest.approx(0.15)


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_no_fit_is_below_0_or_grows(errors):
    law = fit_power_law(SIZES, np.array([errors]))
    predicted = [predict_power_law(law, size)[0] for size in (100, 800, 1600, 1e9)]
    assert min(predicted) >= 0
    assert sorted(predicted, reverse=True) == pytest.approx(predicted)


def test_errors_that_grow_are_met_by_their_weighted_mean():
    # weights 1, 2, 3 and 4 of 10: 0.01 + 0.04 + 0.09 + 0.16
    law = fit_power_law(SIZES, np.array([[0.1, 0.2, 0.3, 0.4]]))
    assert predict_power_law(law, 1600)[0] == pytest.approx(0.3)


def test_the_misfit_is_0_of_a_law_and_large_of_a_straight_line():
    assert misfit(SIZES, 0.1 + 2 * SIZES**-0.5) == pytest.approx(0, abs=1e-9)
    # the weighted mean 0.3 misses by 0.2, 0.1, 0 and 0.1: 4 (0.1 x 0.04 + 0.2 x 0.01 + 0.4 x 0.01) = 0.04, one degree
    assert misfit(SIZES, np.array([0.1, 0.2, 0.3, 0.4])) == pytest.approx(0.2)


def curve(shares, num_groups=20):
    """Points whose first class is right everywhere, the second in this share of each group."""
    truth, groups = np.arange(400) % 2, np.repeat(np.arange(num_groups), 400 // num_groups)
    points = []
    for percent, share in zip((10, 20, 40, 80), shares, strict=True):
        missed = (truth == 1) & ((np.arange(400) // 2 % 10) >= 10 * share)
        points.append(
            CurvePoint(percent=percent, num_train=4.0 * percent, decided=np.eye(2, dtype=bool)[truth & ~missed])
        )
    return points, np.eye(2)[truth], groups.astype(str)


def test_points_and_prediction_by_hand():
    points, targets, groups = curve([0.2, 0.4, 0.5, 0.6])
    found = curve_estimates(points, targets, groups, True, BOOTSTRAP)
    assert [found[POINT.format(percent)].value for percent in (10, 20, 40, 80)] == pytest.approx([0.6, 0.7, 0.75, 0.8])
    assert [found[POINT.format(percent)].n for percent in (10, 80, 160)] == [40, 320, 640]
    assert found[GAIN].value > 0
    assert found[GAIN].groups == 20
    assert found[GAIN].low <= found[GAIN].value <= found[GAIN].high


def test_few_groups_give_no_interval_and_no_points_no_figure():
    found = curve_estimates(*curve([0.2, 0.4, 0.5, 0.6], num_groups=4), True, BOOTSTRAP)
    assert all(one.interval is None for one in found.values())
    assert "cannot be judged" in describe_curve(found)
    assert curve_estimates([], np.eye(2), np.array(["a", "b"]), True, BOOTSTRAP) == {}


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ((0.01, 0.03), "More pictures would help these features: +2.0 points of balanced accuracy (+1.0 to +3.0) from"),
        ((-0.01, 0.03), "Whether more pictures would help cannot be judged: +2.0 points"),
        ((0.0, 0.008), "More pictures of this kind would hardly help these features: +2.0 points"),
        ((-0.2, 0.2), "Whether more pictures would help cannot be judged: the learning curve is too uncertain"),
        ((None, None), "Whether more pictures would help cannot be judged: the learning curve is too uncertain"),
    ],
)
def test_what_is_said(interval, expected):
    low, high = interval
    last = Estimate(value=0.8, low=0.7, high=0.9, n=400, groups=20)
    gain = Estimate(value=0.02, low=low, high=high, n=800, groups=20)
    assert describe_curve({POINT.format(80): last, GAIN: gain}).startswith(expected)
    assert describe_curve({}) == ""
