"""A figure is the metric on all samples; its interval varies groups."""

from dataclasses import replace

import numpy as np
import pytest
from predictions_examples import make_predictions

from pipeline.core.estimate import Estimate
from pipeline.core.evaluation_contracts import Metric
from pipeline.evaluation.estimates import estimate_metrics
from pipeline.evaluation.metrics.accuracy import Accuracy
from pipeline.evaluation.metrics.ranking import Ranking
from pipeline.evaluation.metrics.rate import Rate
from pipeline.statistics.bootstrap import Bootstrap
from pipeline.training.tasks.single_label import SingleLabel

TASK = SingleLabel(label_smoothing=0.0)
CLASSES = ["cat", "dog"]
METRICS = {
    "accuracy": Accuracy(),
    "recall": Rate(number="recall", averaging="none"),
    "auroc": Ranking(number="auroc", averaging="macro"),
}


@pytest.fixture(scope="module")
def data():
    """Targets and scores of 120 samples, 30 of them dogs, right about four times in five."""
    generator = np.random.default_rng(0)
    truth = np.arange(120) % 4 == 0
    dog = np.clip(0.5 + np.where(truth, 0.2, -0.2) + 0.25 * generator.standard_normal(120), 0, 1)
    return np.eye(2)[truth.astype(int)], np.stack([1 - dog, dog], axis=1)


def judged(data, metrics=METRICS, groups=None, seed=0, num_resamples=300):
    targets, scores = data
    predictions = make_predictions(targets, TASK.decide(scores), scores, groups, classes=CLASSES)
    return estimate_metrics(metrics, predictions, Bootstrap(num_resamples=num_resamples, seed=seed))


def test_values_are_the_metrics_on_all_samples_and_lie_within_their_intervals(data):
    targets, scores = data
    found = judged(data)
    assert list(found) == ["accuracy", "recall/cat", "recall/dog", "auroc"]
    right = scores.argmax(axis=1) == targets.argmax(axis=1)
    assert found["accuracy"].value == pytest.approx(right.mean())
    assert found["recall/cat"].value == pytest.approx(right[targets[:, 0] == 1].mean())
    assert found["recall/dog"].value == pytest.approx(right[targets[:, 1] == 1].mean())
    for estimate in found.values():
        assert all(type(one) is float for one in (estimate.value, estimate.low, estimate.high))
        assert estimate.low < estimate.value < estimate.high
    assert found["accuracy"].caveat == found["auroc"].caveat == ""


def test_n_and_groups_are_counted_and_of_a_class_its_own(data):
    found = judged(data, groups=np.repeat(np.arange(40), 3).astype(str))
    assert {name: (one.n, one.groups) for name, one in found.items()} == {
        "accuracy": (120, 40),
        "recall/cat": (90, 40),
        "recall/dog": (30, 30),  # every fourth sample, in groups of three
        "auroc": (120, 30),  # it rests on the rarer class, whichever is asked about
    }


def test_a_class_with_too_few_samples_has_its_figures_marked(data):
    targets, scores = data
    predictions = make_predictions(targets, TASK.decide(scores), scores, classes=CLASSES)
    found = estimate_metrics(METRICS, predictions, Bootstrap(num_resamples=100, seed=0), min_class=31)
    usual = judged(data, num_resamples=100)
    assert found["recall/dog"] == replace(usual["recall/dog"], few=True)
    assert found["recall/dog"].interval is not None
    assert found["recall/cat"] == usual["recall/cat"]
    assert not found["accuracy"].few


def test_the_interval_is_as_wide_as_the_formula_says(data):
    # accuracy p of 120 independent samples: 2 x 1.96 x sqrt(p (1 - p) / 120)
    estimate = judged(data, num_resamples=2000)["accuracy"]
    width = 2 * 1.96 * np.sqrt(estimate.value * (1 - estimate.value) / 120)
    assert estimate.high - estimate.low == pytest.approx(width, rel=0.1)


def test_the_seed_decides_where_groups_are_resampled(data):
    assert judged(data, seed=1) == judged(data, seed=1)
    one, other = judged(data, seed=1)["auroc"], judged(data, seed=2)["auroc"]
    assert one.value == other.value
    assert one.low != other.low
    few = np.repeat(np.arange(12), 10).astype(str)  # each is left out once: nothing is random
    assert judged(data, groups=few, seed=1) == judged(data, groups=few, seed=2, num_resamples=500)


def test_groups_that_are_right_or_wrong_together_widen_the_interval():
    # 12 groups of 10, all right or all wrong, tell no more than 12 samples: 3 of 12 wrong
    wrong = np.repeat(np.arange(12) < 3, 10)
    scores = np.where(wrong[:, None], [0.2, 0.8], [0.8, 0.2])
    data, metrics = (np.tile([1.0, 0.0], (120, 1)), scores), {"accuracy": Accuracy()}
    alone = judged(data, metrics)["accuracy"]
    together = judged(data, metrics, groups=np.repeat(np.arange(12), 10).astype(str))["accuracy"]
    twelve = judged((data[0][::10], scores[::10]), metrics)["accuracy"]
    assert alone.value == together.value == 0.75
    assert (together.low, together.high) == pytest.approx((twelve.low, twelve.high))
    assert together.high - together.low > 3 * (alone.high - alone.low)
    assert together.caveat == (
        "it rests on 12 independent groups only; "
        "it varies much from group to group, so the interval is wider than needed for 95 %"
    )


def test_without_a_mistake_the_interval_is_clopper_and_pearsons():
    # 20 of 20 right, t of 19 degrees of freedom: 20 x (1.96 / 2.093)^2 = 17.54; 0.025^(1 / 17.54)
    found = judged((np.eye(2)[[0, 1] * 10], np.eye(2)[[0, 1] * 10]), {"accuracy": Accuracy()})["accuracy"]
    assert (found.low, found.high) == (pytest.approx(0.8104, abs=1e-4), 1.0)


def test_what_is_undefined_is_none():
    targets, scores = np.tile([1.0, 0.0], (5, 1)), np.tile([0.9, 0.1], (5, 1))
    found = judged((targets, scores))
    none = "not evaluable: no sample of the class, at least 5 are needed"
    assert found["recall/dog"] == Estimate(value=None, low=None, high=None, n=0, groups=0, caveat=none)
    assert found["auroc"] == Estimate(value=None, low=None, high=None, n=5, groups=0)
    assert found["accuracy"].value == found["accuracy"].high == 1.0
    assert 0 < found["accuracy"].low < 1  # five are not enough to say that none can be wrong


def test_a_class_of_fewer_than_five_samples_is_not_evaluable():
    """Four dogs, all found: they cannot lie in five groups, so a figure of theirs could never have an interval."""
    truth = np.array([0] * 30 + [1] * 4)
    predictions = make_predictions(np.eye(2)[truth], np.eye(2)[truth], classes=CLASSES)
    found = estimate_metrics(METRICS, predictions, Bootstrap(num_resamples=100, seed=0), min_class=21)
    caveat = "not evaluable: 4 samples of the class, at least 5 are needed"
    assert found["recall/dog"] == Estimate(value=None, low=None, high=None, n=4, groups=4, caveat=caveat, few=True)
    assert found["recall/cat"].value == found["accuracy"].value == 1.0


def test_fewer_than_five_groups_have_no_interval(data):
    found = judged(data, groups=np.repeat(np.arange(4), 30).astype(str))
    caveat = "no interval: it rests on 4 independent groups, fewer than 5"
    for estimate in found.values():
        assert (estimate.low, estimate.high, estimate.groups, estimate.caveat) == (None, None, 4, caveat)
        assert 0 < estimate.value < 1


def lone_class():
    """Eight groups of ten cats, of which one holds ten dogs as well; of the dogs nine are found, of the cats 76."""
    truth = np.array([0] * 80 + [1] * 10)
    groups = np.array([f"g{row // 10}" for row in range(80)] + ["g0"] * 10)
    choice = truth.copy()
    choice[[12, 25, 47, 63, 85]] = 1 - choice[[12, 25, 47, 63, 85]]
    return (np.eye(2)[truth], np.eye(2)[choice]), groups


def test_a_class_that_lies_in_one_group_has_no_interval_of_its_own():
    data, groups = lone_class()
    found = judged(data, {"recall": Rate(number="recall", averaging="none")}, groups=groups)
    dog = found["recall/dog"]
    assert (dog.value, dog.low, dog.high, dog.n, dog.groups) == (0.9, None, None, 10, 1)
    assert dog.caveat == "no interval: it rests on 1 independent group, fewer than 5"
    cat = found["recall/cat"]
    assert (cat.n, cat.groups) == (80, 8)
    assert cat.low < 0.95 < cat.high


def test_a_mean_over_classes_is_not_moved_where_a_class_is_lost():
    """Without the lone group no dog is left; taken as an F1 of 0, it would pull that replicate down to about a half."""
    data, groups = lone_class()
    f1 = Rate(number="f1", averaging="macro")
    targets, choice = data[0], data[1].astype(bool)
    without = (groups != "g0").astype(float)[None]
    # cats: 66 of 70 found and nothing else called so; dogs as on all samples: 9 hit, 10 there, 13 decided
    expected = (2 * 66 / (70 + 66) + 2 * 9 / (10 + 13)) / 2
    assert f1(targets, choice, data[1], without)[0] == pytest.approx(expected)
    macro = judged(data, {"f1_macro": f1}, groups=groups)["f1_macro"]
    assert macro.low is None  # g0 weighs 1/16 + 1/2: as if there were 256 / 88 = 2.9 groups
    assert (macro.groups, macro.caveat) == (2, "no interval: it rests on 2 independent groups, fewer than 5")


def test_a_thin_class_among_others_is_named_in_the_caveat():
    # ten groups; the classes a to d in each of them, e in three only
    groups = np.array([f"g{row % 10}" for row in range(80)] + ["g0", "g1", "g2"])
    truth = np.array([row // 10 % 4 for row in range(80)] + [4] * 3)
    choice = truth.copy()
    choice[::6] = (choice[::6] + 1) % 5
    scores = np.eye(5)[choice]
    metric = {"recall": Rate(number="recall", averaging="macro")}
    predictions = make_predictions(np.eye(5)[truth], scores > 0, scores, groups)
    found = estimate_metrics(metric, predictions, Bootstrap(num_resamples=100, seed=0))["recall"]
    # g0 to g2 weigh (4/10 + 1/3) / 5 each, the seven others 4/50: 1 / (3 x 0.1467^2 + 7 x 0.08^2) = 9.15
    assert found.groups == 9
    assert "1 class has fewer than 5 groups, so the interval may be too narrow" in found.caveat
    assert found.low < found.value < found.high


class Fragile(Metric):
    """Defined on all samples alone."""

    averaging = "samples"

    def __call__(self, targets, decided, scores, weights):
        return np.where((weights == 1).all(axis=1), 0.5, np.nan)


def test_a_value_without_an_interval(data):
    estimate = judged(data, {"fragile": Fragile()})["fragile"]
    assert estimate == Estimate(value=0.5, low=None, high=None, n=120, groups=120)


def test_no_metric():
    assert judged((np.eye(2), np.eye(2)), {}) == {}


class Warned(Metric):
    """The accuracy, with a caveat of its own."""

    averaging = "samples"
    caveat = "it is too large on few pictures"

    def __call__(self, targets, decided, scores, weights):
        return Accuracy()(targets, decided, scores, weights)


def test_a_metrics_own_caveat_goes_with_every_interval_of_it(data):
    alone = judged(data, {"one": Warned()})["one"]
    assert alone.caveat == "it is too large on few pictures"
    few = judged(data, {"one": Warned()}, groups=np.repeat(np.arange(12), 10).astype(str))["one"]
    assert few.caveat == "it rests on 12 independent groups only; it is too large on few pictures"
    none = judged(data, {"one": Warned()}, groups=np.repeat(np.arange(4), 30).astype(str))["one"]
    assert none.caveat == "no interval: it rests on 4 independent groups, fewer than 5"
