"""How many random labels give as much: hand-worked inversions, intervals, and what cannot be judged."""

import math

import numpy as np
import pytest

from pipeline.evaluation.label_efficiency import ValSamples, measure_hits
from pipeline.evaluation.labelling_curves import _invert, count_saved, list_points, random_sizes
from pipeline.statistics.bootstrap import Bootstrap

NUM_VAL, NUM_REPEATS = 120, 6


def make_val() -> ValSamples:
    codes = np.arange(NUM_VAL) % 2
    return ValSamples(codes=codes, groups=np.arange(NUM_VAL), bootstrap=Bootstrap(num_resamples=200, seed=0))


def make_hits(rate: float, seed: int = 0) -> np.ndarray:
    """(D, M) of which about `rate` are right; of a higher rate all that are right at a lower one, and more."""
    return np.random.default_rng(seed).random((NUM_REPEATS, NUM_VAL)) < rate


def test_a_size_is_found_between_two_on_the_logarithm() -> None:
    sizes = np.array([10.0, 40.0, 160.0])
    curve = np.array([[0.5], [0.7], [0.9]])
    found = [math.exp(_invert(curve, np.array([goal]), sizes)[0]) for goal in (0.5, 0.6, 0.7, 0.9)]
    assert found == pytest.approx([10, 20, 40, 160])
    assert _invert(curve, np.array([0.95]), sizes).tolist() == [math.inf]
    assert _invert(curve, np.array([0.4]), sizes).tolist() == [-math.inf]


def test_a_curve_that_falls_counts_as_flat() -> None:
    found = _invert(np.array([[0.5], [0.8], [0.7], [0.9]]), np.array([0.8]), np.array([10.0, 20.0, 40.0, 80.0]))
    assert math.exp(found[0]) == pytest.approx(20)


def test_sizes_lie_at_between_and_beyond_the_budgets() -> None:
    assert random_sizes([20, 80], 1000) == [10, 20, 40, 80, 120, 160, 240, 320]
    assert random_sizes([20, 80], 130) == [10, 20, 40, 80, 120]


def test_a_better_strategy_is_worth_more_random_labels() -> None:
    val = make_val()
    rates = {10: 0.5, 20: 0.6, 40: 0.7, 80: 0.8, 160: 0.9}
    hits = {("random", size): make_hits(rate) for size, rate in rates.items()} | {("margin", 20): make_hits(0.8, 1)}
    points, (saved,) = list_points(hits, [20], val)
    assert saved.equal == pytest.approx(80, rel=0.2)  # as often right as with 80 random labels
    assert saved.low is not None
    assert saved.high is not None
    assert 40 < saved.low < 75
    assert 85 < saved.high < 160
    (gain,) = [point for point in points if point.minus]
    estimate = gain.figures["balanced_accuracy"].estimate
    assert estimate.value == pytest.approx(0.2, abs=0.04)
    assert estimate.low is not None
    assert estimate.low > 0.1


@pytest.mark.parametrize(
    ("rate", "reason"),
    [
        (1.0, "more than 160 random labels, the most and fewest that were measured"),
        (0.1, "fewer than 10 random labels, the most and fewest that were measured"),
    ],
)
def test_beyond_what_was_measured_it_cannot_be_judged(rate: float, reason: str) -> None:
    val = make_val()
    found = measure_hits({"10": make_hits(0.5), "160": make_hits(0.9), "own": make_hits(rate, 3)}, val)
    saved = count_saved("margin", 20, found["own"], {10: found["10"], 160: found["160"]}, val)
    assert (saved.equal, saved.low, saved.reason) == (None, None, reason)


def test_the_same_decisions_are_worth_the_same_labels() -> None:
    found = measure_hits({str(size): make_hits(rate) for size, rate in ((10, 0.5), (80, 0.8), (160, 0.9))}, make_val())
    saved = count_saved("margin", 20, found["80"], {int(size): one for size, one in found.items()}, make_val())
    assert (saved.equal, saved.low, saved.high) == pytest.approx((80, 80, 80))


def test_near_the_end_there_is_a_number_without_an_interval() -> None:
    val = make_val()
    found = measure_hits({"10": make_hits(0.5), "160": make_hits(0.9), "own": make_hits(0.895)}, val)
    saved = count_saved("margin", 20, found["own"], {10: found["10"], 160: found["160"]}, val)
    assert saved.equal == pytest.approx(155, abs=6)
    if saved.low is None:
        assert saved.reason == "the interval ends beyond the random labels that were measured"


def test_few_groups_have_no_interval() -> None:
    codes = np.arange(NUM_VAL) % 2
    val = ValSamples(codes=codes, groups=np.arange(NUM_VAL) % 3, bootstrap=Bootstrap(num_resamples=50, seed=0))
    found = measure_hits({"10": make_hits(0.5), "160": make_hits(0.9), "own": make_hits(0.7)}, val)
    saved = count_saved("margin", 20, found["own"], {10: found["10"], 160: found["160"]}, val)
    assert saved.low is None
    assert "rests on 3 independent groups" in saved.reason
