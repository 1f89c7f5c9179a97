"""Before and after on the same samples, by the same labels."""

import numpy as np
import pytest
from predictions_examples import make_predictions

from pipeline.core.errors import UserError
from pipeline.core.estimate import Change, Estimate
from pipeline.evaluation.metrics.accuracy import Accuracy
from pipeline.evaluation.metrics.brier import Brier
from pipeline.evaluation.metrics.hamming_loss import HammingLoss
from pipeline.evaluation.metrics.log_loss import LogLoss
from pipeline.evaluation.metrics.ranking import Ranking
from pipeline.evaluation.metrics.rate import Rate
from pipeline.evaluation.paired_comparison import PairedPredictions
from pipeline.statistics.bootstrap import Bootstrap

EYE = np.eye(2)
BOOTSTRAP = Bootstrap(num_resamples=2000, seed=0)


def predictions(names, truth, choice, groups=None):
    """Samples of two classes, with their labels and what was decided, as 0 and 1."""
    return make_predictions(EYE[truth], EYE[choice], 0.8 * EYE[choice] + 0.1, groups or list(names), names)


@pytest.fixture
def compared():
    """Common are b to e; d was called 1 and is called 0 now. Later right: b, d, e; earlier right: b by both labels,
    c, and d by the labels of then."""
    later = predictions("abcde", [0, 0, 1, 0, 1], [0, 0, 0, 0, 1])
    earlier = predictions("edcbx", [1, 1, 1, 0, 1], [0, 1, 1, 0, 1])
    return PairedPredictions.match(later, earlier)


def test_the_common_samples_and_the_relabelled_ones(compared):
    assert len(compared) == 4
    assert compared.later.groups.tolist() == list("bcde")
    assert compared.num_relabelled == 1


def test_gains_by_hand(compared):
    found = compared.paired_differences({"accuracy": Accuracy(), "hamming": HammingLoss(averaging="macro")}, BOOTSTRAP)
    caveat = "no interval: it rests on 4 independent groups, fewer than 5"
    gained = Estimate(value=0.25, low=None, high=None, n=4, groups=4, caveat=caveat)
    assert found["accuracy"] == Change(by_earlier_labels=0.75, before=0.5, after=0.75, gain=gained)
    wrong = found["hamming"]  # two answers a picture, both wrong or both right
    assert (wrong.by_earlier_labels, wrong.before, wrong.after) == (0.25, 0.5, 0.25)
    assert wrong.gain.value == 0.25


def gain(truth, later, earlier, groups=None, metric=None):
    names = [f"s{position}" for position in range(len(truth))]
    both = PairedPredictions.match(predictions(names, truth, later, groups), predictions(names, truth, earlier, groups))
    return both.paired_differences({"metric": metric or Accuracy()}, BOOTSTRAP)["metric"].gain


def test_the_interval_is_of_the_pairs():
    later, earlier = ([0] * right + [1] * (100 - right) for right in (80, 50))
    found = gain([0] * 100, later, earlier)
    # 30 of 100 gained, none lost: the mean of 30 ones and 70 zeros, t of 99 degrees of freedom
    half = 1.984217 * np.sqrt(0.3 * 0.7 / 99)
    assert (found.low, found.high) == pytest.approx((0.3 - half, 0.3 + half), rel=1e-6)
    assert found.caveat == ""


def test_groups_stay_whole():
    # of ten groups of two, two gained both samples: the mean of two ones and eight zeros, t of 9 degrees of freedom
    later, earlier = [0] * 20, [1] * 4 + [0] * 16
    groups = [f"g{position // 2}" for position in range(20)]
    found = gain([0] * 20, later, earlier, groups)
    half = 2.262157 * np.sqrt(0.2 * 0.8 / 9)
    assert (found.low, found.high) == pytest.approx((0.2 - half, 0.2 + half), rel=1e-6)
    assert (found.groups, found.caveat) == (10, "it rests on 10 independent groups only")
    turned = gain([0] * 20, later, earlier, groups, HammingLoss(averaging="macro"))
    assert (turned.value, turned.low, turned.high) == pytest.approx((found.value, found.low, found.high))


def test_equal_predictions_may_differ_elsewhere():
    choice = [0] * 15 + [1] * 5
    found = gain([0] * 20, choice, choice)
    assert (found.low, found.value, found.high) == pytest.approx((-0.16843, 0, 0.16843), abs=1e-5)


def test_one_group_says_nothing_about_chance():
    found = gain([0, 1], [0, 1], [1, 1], ["g", "g"])
    caveat = "no interval: it rests on 1 independent group, fewer than 5"
    assert found == Estimate(value=0.5, low=None, high=None, n=2, groups=1, caveat=caveat)


def test_a_mean_over_classes_rests_on_what_either_decided():
    """Of precision the later one decides for b in one group alone, the earlier one in all six."""
    groups = [f"g{position // 2}" for position in range(12)]
    metric = Rate(number="precision", averaging="macro")
    found = gain([0, 1] * 6, [0, 1, *[0] * 10], [0, 1] * 6, groups, metric)
    assert found.groups == 6
    assert found.value == pytest.approx((6 / 11 + 1) / 2 - 1)
    assert found.low < found.value < found.high


def test_nothing_in_common():
    assert PairedPredictions.match(predictions("ab", [0, 1], [0, 1]), predictions("cd", [0, 1], [0, 1])) is None


def test_a_sample_that_is_named_twice_is_refused():
    once, twice = predictions("ab", [0, 1], [0, 1]), predictions("aa", [0, 1], [0, 1])
    for later, earlier in ((once, twice), (twice, once)):
        with pytest.raises(
            UserError, match=r"^predictions name the sample 'a' twice; run dvc repro to make them again$"
        ):
            PairedPredictions.match(later, earlier)


def test_what_is_undefined_is_none():
    one_class = predictions("ab", [0, 0], [0, 1])
    found = PairedPredictions.match(one_class, one_class).paired_differences(
        {"auroc": Ranking(number="auroc", averaging="macro")}, BOOTSTRAP
    )
    nothing = Estimate(value=None, low=None, high=None, n=2, groups=0)
    assert found["auroc"] == Change(by_earlier_labels=None, before=None, after=None, gain=nothing)


def test_a_gain_is_how_much_lower_what_counts_mistakes_became():
    """Of ten samples the later model is surer of the truth: 0.9 instead of 0.6, in nats log(0.9 / 0.6)."""
    targets = np.eye(2)[np.arange(10) % 2]
    later, earlier = (make_predictions(targets, targets, np.where(targets > 0, one, 1 - one)) for one in (0.9, 0.6))
    pair = PairedPredictions.match(later, earlier)
    metrics = {"log_loss": LogLoss(averaging="multiclass"), "brier": Brier(averaging="multiclass")}
    found = pair.paired_differences(metrics, Bootstrap(num_resamples=100, seed=0))
    assert found["log_loss"].gain.value == pytest.approx(np.log(0.9 / 0.6))
    assert found["log_loss"].gain.interval is None  # the same in every replicate, and without an upper bound
    assert found["brier"].gain.value == pytest.approx(0.4**2 - 0.1**2)
