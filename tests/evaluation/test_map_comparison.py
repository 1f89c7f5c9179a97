"""Whether maps depend on what was learned: against random weights, and against the maps of other pictures."""

import numpy as np
import pytest

from pipeline.evaluation.map_comparison import (
    BORDER,
    OTHER,
    RANDOMISED,
    REPRODUCED,
    border_mask,
    border_shares,
    compare_maps,
    estimate_mean,
)
from pipeline.statistics.bootstrap import Bootstrap

BOOTSTRAP = Bootstrap(num_resamples=200, seed=0)
GROUPS = np.array([f"group {row % 10}" for row in range(40)])


def maps(seed, number=40):
    return np.random.default_rng(seed).normal(size=(number, 12, 12))


def compare(trained, randomised, groups=GROUPS, limit=0.5):
    return compare_maps(trained, randomised, groups, BOOTSTRAP, limit)


def test_three_maps_by_hand():
    """Ranks 1 2 3 4 against themselves, against 4 3 2 1 and against 1 2 4 3: correlations 1, -1 and 0.8."""
    trained = np.array([[[1.0, 2], [3, 4]], [[4.0, 3], [2, 1]], [[1.0, -2], [4, -3]]])
    randomised = np.array([[[1.0, 2], [3, 4]], [[8.0, 6], [4, 2]], [[3.0, 4], [2, 1]]])
    found = compare(trained, randomised, np.array(["a", "b", "c"]))
    own = 1 - 6 * np.array([0, 0, 4 + 4 + 4 + 4]) / 60  # of 1 2 4 3 and 3 4 2 1: differences 2, 2, 2, 2
    assert found.correlations == pytest.approx(own)
    assert found.figures[RANDOMISED].value == pytest.approx(own.mean())
    other = np.mean([-1, 0.8, -0.8])
    assert found.figures[OTHER].value == pytest.approx(other)
    assert found.figures[REPRODUCED].value == pytest.approx((own.mean() - other) / (1 - other))
    assert found.state == "cannot_be_judged"
    assert found.reason == "no interval: it rests on 3 independent groups, fewer than 5"


def test_maps_that_random_weights_do_not_reproduce_depend_on_what_was_learned():
    found = compare(maps(0), maps(1))
    assert found.state == "depend"
    assert found.figures[REPRODUCED].high < 0.2


def test_maps_that_show_the_picture_whatever_the_weights_do_not_depend():
    """As those of an edge detector; the sign of a map does not count."""
    trained = maps(0)
    found = compare(trained, -2 * trained + 0.05 * maps(1))
    assert found.state == "do_not_depend"
    assert found.figures[RANDOMISED].value > 0.9
    assert found.figures[OTHER].high < 0.2


def test_a_high_correlation_that_all_pictures_share_is_no_sign_of_edges():
    """All maps lie in the middle: 0.7 with random weights is no more than with another picture."""
    middle = 6 * np.exp(-(np.hypot(*(np.mgrid[:12, :12] - 5.5)) ** 2) / 8)
    found = compare(np.abs(maps(0)) + middle, np.abs(maps(1)) + middle)
    assert found.figures[RANDOMISED].low > 0.4
    assert found.state == "depend"


def test_a_limit_within_the_interval_leaves_it_open():
    value = compare(maps(0), maps(1)).figures[REPRODUCED].value
    found = compare(maps(0), maps(1), limit=max(value, 0))
    assert found.state == "cannot_be_judged"
    assert found.reason.startswith("the interval of the reproduced share holds the limit of ")


def test_constant_maps_and_one_group_cannot_be_compared():
    found = compare(np.zeros((4, 3, 3)), maps(0, 4)[:, :3, :3], np.array(list("abcd")))
    assert (found.state, dict(found.figures)) == ("cannot_be_judged", {})
    assert np.isnan(found.correlations).all()
    assert found.reason.startswith("0 of 4 pictures have maps that are not constant, in 0 independent groups")
    assert compare(maps(0), maps(1), np.full(40, "a")).state == "cannot_be_judged"
    same = np.tile(maps(0, 1), (40, 1, 1))
    assert compare(same, maps(1)).reason == "the maps of all pictures are the same"


def test_the_border_is_a_tenth_of_each_side():
    mask = border_mask(10, 20)
    assert mask.sum() == 200 - 8 * 16
    assert border_mask(3, 3).sum() == 8
    flat, corner = np.ones((10, 20)), np.zeros((10, 20))
    corner[0, 0], corner[5, 5] = 3, -1
    assert border_shares(np.stack([flat, corner, np.zeros((10, 20))])) == pytest.approx(
        [72 / 200, 0.75, np.nan], nan_ok=True
    )


def test_the_mean_of_shares_has_an_interval_over_groups():
    values = np.array([0.2, 0.4] * 20)
    found = estimate_mean(np.append(values, np.nan), np.append(GROUPS, "x"), BOOTSTRAP)
    assert (found.value, found.n, found.groups) == (pytest.approx(0.3), 40, 10)
    assert found.low < 0.3 < found.high
    assert estimate_mean(np.array([np.nan]), np.array(["a"]), BOOTSTRAP).value is None
    assert BORDER == "border_share"
