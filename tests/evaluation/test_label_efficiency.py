"""Figures of draws: equal to the metrics, paired, with an interval that covers draws and groups of val."""

import math

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation.label_efficiency import (
    METRICS,
    Measured,
    ValSamples,
    average_sizes,
    crossed_half_width,
    estimate_draws,
    linear_figures,
    measure_hits,
)
from pipeline.statistics.bootstrap import Bootstrap
from pipeline.statistics.classification import balanced_accuracy

BOOTSTRAP = Bootstrap(num_resamples=200, seed=0)


def make_val(num_groups: int = 12, per_group: int = 20) -> ValSamples:
    codes = np.random.default_rng(0).integers(3, size=num_groups * per_group)
    return ValSamples(codes=codes, groups=np.repeat(np.arange(num_groups), per_group), bootstrap=BOOTSTRAP)


def test_figures_are_the_metrics_also_where_a_resample_lost_a_class() -> None:
    generator = np.random.default_rng(1)
    codes = np.repeat([0, 1, 2], [30, 20, 2])
    decided = np.where(generator.random(52) < 0.6, codes, (codes + 1) % 3)
    weights = generator.integers(3, size=(40, 52)).astype(float)
    weights[:5, -2:] = 0  # class 2 is lost
    found = linear_figures((decided == codes)[:, None].astype(float), codes, weights)
    expected = balanced_accuracy(np.eye(3)[codes], np.eye(3, dtype=bool)[decided], weights, exclusive=True)
    np.testing.assert_allclose(found["balanced_accuracy"][:, 0], expected)
    np.testing.assert_allclose(
        found["accuracy"][:, 0], np.average(np.tile(decided == codes, (40, 1)), axis=1, weights=weights)
    )


def test_by_hand() -> None:
    codes = np.array([0, 0, 0, 1])
    hits = np.array([[True, True, False, True], [True, False, False, False]])
    val = ValSamples(codes=codes, groups=np.arange(4), bootstrap=BOOTSTRAP)
    found = measure_hits({"a": hits}, val)["a"]
    np.testing.assert_allclose(found.draws["accuracy"], [3 / 4, 1 / 4])
    np.testing.assert_allclose(found.draws["balanced_accuracy"], [(2 / 3 + 1) / 2, (1 / 3 + 0) / 2])
    none = estimate_draws(found, val, is_difference=False)["accuracy"].estimate
    assert (none.value, none.interval) == (0.5, None)
    assert none.caveat == "no interval: it rests on 4 independent groups, fewer than 5"


def test_the_interval_over_draws_is_students() -> None:
    generator, val = np.random.default_rng(2), make_val()
    found = measure_hits({"a": generator.random((8, 240)) < 0.7}, val)["a"]
    for metric in METRICS:
        entry = estimate_draws(found, val, is_difference=True)[metric]
        draws = found.draws[metric]
        expected = stats.t.interval(0.95, 7, loc=draws.mean(), scale=stats.sem(draws))
        np.testing.assert_allclose(entry.over_draws, expected)
        assert entry.estimate.low < entry.over_draws[0] < entry.over_draws[1] < entry.estimate.high


def test_both_variances_count() -> None:
    assert crossed_half_width(0.0, 1, 0.02, 12) == pytest.approx(stats.t.isf(0.025, 11) * 0.02)
    assert crossed_half_width(0.03, 10, 0.0, 12) == pytest.approx(stats.t.isf(0.025, 9) * 0.03)
    freedom = 0.0025**2 / (0.03**4 / 9 + 0.04**4 / 11)
    assert crossed_half_width(0.03, 10, 0.04, 12) == pytest.approx(stats.t.isf(0.025, freedom) * 0.05)
    assert crossed_half_width(0.0, 10, 0.0, 12) == 0.0


def test_pairing_removes_what_both_have_in_common() -> None:
    """Some groups are hard for both; the gain is the same in each, so its interval is narrow."""
    generator, val = np.random.default_rng(3), make_val()
    hard = np.repeat(generator.random(12) * 0.8, 20)
    noise = generator.random((10, 240))
    hits = {"later": noise < hard + 0.2, "earlier": noise < hard}
    found = measure_hits(hits, val)
    gain = estimate_draws(found["later"].minus(found["earlier"]), val, is_difference=True)["accuracy"].estimate
    alone = estimate_draws(found["later"], val, is_difference=False)["accuracy"].estimate
    assert gain.value == pytest.approx(0.2, abs=0.02)
    assert gain.low > 0.15
    assert gain.high - gain.low < (alone.high - alone.low) / 3


def test_two_that_agree_have_no_interval_of_width_0() -> None:
    val = make_val()
    found = measure_hits({"a": np.ones((4, 240), dtype=bool)}, val)["a"]
    gain = estimate_draws(found.minus(found), val, is_difference=True)["accuracy"].estimate
    assert gain.value == 0
    assert gain.interval == pytest.approx((-(1 - 0.025 ** (1 / 240)), 1 - 0.025 ** (1 / 240)))
    level = estimate_draws(found, val, is_difference=False)["accuracy"].estimate
    assert level.high == 1
    assert 0.9 < level.low < 1


def test_all_labels_count_in_each_draw_of_the_mean() -> None:
    def make(values: list[float]) -> Measured:
        return Measured(
            draws=dict.fromkeys(METRICS, np.array(values)), replicates=dict.fromkeys(METRICS, np.array([1.0, 3.0]))
        )

    mean = average_sizes([make([0.2, 0.4]), make([0.8])])
    np.testing.assert_allclose(mean.draws["accuracy"], [0.5, 0.6])
    np.testing.assert_allclose(mean.replicates["accuracy"], [1.0, 3.0])
    shorter = make([0.2, 0.4, 0.9]).minus(make([0.1, 0.1]))
    np.testing.assert_allclose(shorter.draws["accuracy"], [0.1, 0.3])
    one = estimate_draws(make([0.8]), make_val(), is_difference=False)["accuracy"]
    assert one.over_draws is None
    assert one.estimate.interval is not None
    assert one.estimate.caveat.endswith("one draw: other labels are not covered")
    several = estimate_draws(make([0.8, 0.7]), make_val(), is_difference=False)["accuracy"].estimate
    assert "one draw" not in several.caveat
    assert math.isclose(one.estimate.value, 0.8)
