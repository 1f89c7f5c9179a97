"""Figures over folds and repeats, by numbers that can be counted by hand."""

from dataclasses import replace

import numpy as np
import pytest
from predictions_examples import make_predictions

from pipeline.core.errors import UserError
from pipeline.evaluation.metrics.accuracy import Accuracy
from pipeline.evaluation.metrics.calibration_error import CalibrationError
from pipeline.evaluation.metrics.log_loss import LogLoss
from pipeline.evaluation.metrics.ranking import Ranking
from pipeline.evaluation.out_of_fold import (
    Repeat,
    estimate_repeats,
    margin_of_repeats,
    match_repeats,
    properties_of_repeats,
)
from pipeline.statistics.bootstrap import WIDENING, Bootstrap

BOOTSTRAP = Bootstrap(num_resamples=200, seed=0)
NUM, NUM_GROUPS = 60, 12
GROUPS = np.repeat(np.arange(NUM_GROUPS), 5)
TRUTH = np.arange(NUM) % 2
EYE = np.eye(2)


def decide(wrong):
    """Right everywhere but at these rows."""
    return EYE[np.where(np.isin(np.arange(NUM), wrong), 1 - TRUTH, TRUTH)].astype(bool)


def repeat(wrong, by_properties=(), folds=GROUPS % 3, scores=None):
    predictions = make_predictions(EYE[TRUTH], decide(wrong), scores, GROUPS)
    return Repeat(predictions=predictions, by_properties=decide(by_properties), folds=folds)


def test_the_figure_is_the_mean_over_repeats_and_n_counts_each_sample_once():
    # 54 of 60 and 48 of 60 right
    both = (repeat(range(0, 60, 10)), repeat(range(0, 60, 5)))
    found = estimate_repeats({"accuracy": Accuracy()}, both, BOOTSTRAP)["accuracy"]
    assert found.value == pytest.approx((54 / 60 + 48 / 60) / 2)
    assert (found.n, found.groups) == (60, 12)


def test_a_metric_keeps_its_own_range_and_caveat():
    """Log loss has no upper bound; taken as a share it had no interval, or a wrong one."""
    scores = np.where(decide(range(0, 60, 10)), 0.999, 0.001)
    metrics = {
        "log_loss": LogLoss(averaging="multiclass"),
        "calibration_error": CalibrationError(averaging="multiclass", num_bins=10),
    }
    found = estimate_repeats(metrics, (repeat(range(0, 60, 10), scores=scores),), BOOTSTRAP)
    loss = found["log_loss"]
    # 54 of 60 cost -ln 0.999, 6 cost -ln 0.001
    assert loss.value == pytest.approx(-(54 * np.log(0.999) + 6 * np.log(0.001)) / 60, rel=1e-3)
    assert 0 < loss.low < loss.value < loss.high
    assert loss.high > 1
    assert metrics["calibration_error"].caveat in found["calibration_error"].caveat


def test_a_repeat_of_the_same_decisions_makes_no_interval_narrower():
    first = repeat([0, 1, 7, 12, 13, 14, 31, 40, 41, 59])
    once, thrice = (estimate_repeats({"accuracy": Accuracy()}, (first,) * num, BOOTSTRAP) for num in (1, 3))
    assert once["accuracy"].low == pytest.approx(thrice["accuracy"].low)
    assert once["accuracy"].high == pytest.approx(thrice["accuracy"].high)


def test_the_standard_error_is_widened_on_the_logit_scale():
    one = repeat([0, 1, 7, 12, 13, 14, 31, 40, 41, 59])
    weights = BOOTSTRAP.across_folds.replicates(one.predictions.groups)
    right = one.predictions.is_right.astype(float)
    values = np.concatenate([block @ right / block.sum(axis=1) for block in weights])
    # the jackknife by hand: 11 / 12 of the sum of squared deviations of the 12 shares without a group
    shares = np.array([right[group != GROUPS].mean() for group in range(12)])
    expected = np.sqrt(11 / 12 * ((shares - shares.mean()) ** 2).sum())
    assert weights.spread(values) == pytest.approx(WIDENING * expected)
    assert BOOTSTRAP.replicates(one.predictions.groups).spread(values) == pytest.approx(expected)


def test_scores_are_compared_within_a_fold_only():
    """Each fold ranks perfectly, on a scale of its own; pooled, half of the pairs across folds would be wrong."""
    folds = GROUPS % 3
    second = (0.2 + 0.3 * folds) + 0.05 * TRUTH
    own = repeat([], folds=folds, scores=np.stack([1 - second, second], axis=1))
    found = estimate_repeats({"auroc": Ranking(number="auroc", averaging="macro")}, (own,), BOOTSTRAP)["auroc"]
    assert found.value == 1.0


def test_a_fold_in_which_a_metric_is_undefined_is_left_out():
    folds = np.where(TRUTH == 1, 0, 1)
    folds[:2] = 0  # one sample of the first class in fold 0; fold 1 holds that class alone
    scores = np.stack([1 - TRUTH, TRUTH], axis=1).astype(float)
    own = repeat([], folds=folds, scores=scores)
    found = estimate_repeats({"auroc": Ranking(number="auroc", averaging="macro")}, (own,), BOOTSTRAP)["auroc"]
    assert found.value == 1.0


def test_the_margin_is_paired_and_averaged():
    # models right on all; properties wrong on 15 of each class of 30: balanced accuracy 0.5, then on 6 of each: 0.8
    first, second = repeat([], by_properties=range(30)), repeat([], by_properties=range(12))
    margin = margin_of_repeats((first, second), True, BOOTSTRAP)
    assert margin.value == pytest.approx((0.5 + 0.2) / 2)
    assert margin.groups == NUM_GROUPS
    alone = properties_of_repeats({"accuracy": Accuracy()}, (first, second), BOOTSTRAP)
    assert alone["accuracy"].value == pytest.approx((0.5 + 0.8) / 2)


def test_repeats_are_brought_into_one_order():
    first = repeat([3])
    order = np.random.default_rng(0).permutation(NUM)
    mixed = Repeat(
        predictions=first.predictions.take(order), by_properties=first.by_properties[order], folds=first.folds[order]
    )
    one, two = match_repeats([first, mixed])
    assert one.predictions.sample_ids.tolist() == two.predictions.sample_ids.tolist()
    np.testing.assert_array_equal(one.predictions.decided, two.predictions.decided)
    np.testing.assert_array_equal(one.folds, two.folds)


def test_a_sample_in_two_folds_and_other_samples_are_refused():
    first = repeat([])
    names = first.predictions.sample_ids.copy()
    names[1] = names[0]
    twice = replace(first, predictions=replace(first.predictions, sample_ids=names))
    with pytest.raises(UserError, match=r"^'s0' is in test of two folds; the data changed in between, run this again$"):
        match_repeats([twice])
    names[1] = "another"
    other = replace(first, predictions=replace(first.predictions, sample_ids=names))
    with pytest.raises(UserError, match=r"^two repeats hold other samples; the data changed in between"):
        match_repeats([first, other])
