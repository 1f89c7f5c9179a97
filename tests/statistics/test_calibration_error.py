"""The calibration error by hand, and that of perfect scores."""

import numpy as np
import pytest

from pipeline.statistics.calibration_error import calibration_error, error_of_perfect, reliability_bins

SCORES = np.array([[0.95], [0.91], [0.62], [0.68]])
RIGHT = np.array([[True], [False], [True], [True]])


def test_by_hand():
    """Two samples at 0.93 of which half are right, two at 0.65 that are: (2 x 0.43 + 2 x 0.35) / 4."""
    ones = np.ones((1, 4))
    assert calibration_error(SCORES, RIGHT, ones)[0] == pytest.approx((2 * 0.43 + 2 * 0.35) / 4)
    weights = np.array([[1, 0, 0, 0], [0, 0, 2, 2], [0, 0, 0, 0]], dtype=float)
    found = calibration_error(SCORES, RIGHT, weights)
    assert found[:2] == pytest.approx([0.05, 0.35])
    assert np.isnan(found[2])


def test_weights_are_copies_of_samples():
    generator = np.random.default_rng(0)
    scores, counts = generator.random((30, 2)), generator.integers(0, 4, 30)
    right = generator.random((30, 2)) < 0.5
    rows = np.repeat(np.arange(30), counts)
    expected = calibration_error(scores[rows], right[rows], np.ones((1, len(rows))))
    assert calibration_error(scores, right, counts[None].astype(float)) == pytest.approx(expected)


def test_perfect_scores_have_an_error_that_falls_with_their_number():
    generator = np.random.default_rng(0)
    small, large = error_of_perfect(generator.random((50, 1)), 0), error_of_perfect(generator.random((5000, 1)), 0)
    assert 0.08 < small < 0.2
    assert large < 0.02


def test_bins():
    found = reliability_bins(SCORES, RIGHT)
    assert [one["count"] for one in found] == [0, 0, 0, 0, 0, 0, 2, 0, 0, 2]
    assert found[9]["right"] == 0.5
    assert found[6]["mean_score"] == pytest.approx(0.65)
    assert found[0] == {"count": 0, "mean_score": None, "right": None}
    assert reliability_bins(np.array([[1.0]]), np.array([[True]]))[9]["count"] == 1
