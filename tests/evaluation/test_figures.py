"""A metric by the name of its figure, and the gate that it decides at."""

from dataclasses import replace

import numpy as np
import pytest
from gate_examples import make_contest
from predictions_examples import make_predictions

from pipeline.core.errors import UserError
from pipeline.core.evaluation_contracts import Metric
from pipeline.evaluation.derived_metric import DerivedMetric
from pipeline.evaluation.estimates import estimate_metrics
from pipeline.evaluation.figures import ClassFigure, build_gates, find_metric, metrics_of_gates
from pipeline.evaluation.metrics.agreement import Agreement
from pipeline.evaluation.metrics.calibration_error import CalibrationError
from pipeline.evaluation.metrics.log_loss import LogLoss
from pipeline.evaluation.metrics.rate import Rate
from pipeline.statistics.bootstrap import Bootstrap

RATE = "pipeline.evaluation.metrics.rate.Rate"
METRIC = {
    "accuracy": {"_target_": "pipeline.evaluation.metrics.accuracy.Accuracy"},
    "recall": {"_target_": RATE, "number": "recall", "averaging": "none"},
    "recall_macro": {"_target_": RATE, "number": "recall", "averaging": "macro"},
    "f1": None,
}
GATE = {
    "_target_": "pipeline.evaluation.gates.superior.Superior",
    "metric": "accuracy",
    "min_gain": 0.0,
    "min_samples": 1,
    "power_for": 0.03,
    "num_resamples": 100,
    "seed": 0,
}
PARAMS = {"metric": METRIC, "gate": {"superior": GATE}}


def with_gate(**changes):
    return {**PARAMS, "gate": {"superior": {**GATE, **changes}}}


def test_a_figure_for_all_classes():
    assert find_metric(PARAMS, "recall_macro", "gate.metric") == Rate(number="recall", averaging="macro")


def test_the_figure_of_one_class():
    """Of class b, 1 of 2 pictures is found; of class a, 3 of 3."""
    targets = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 1]])
    decided = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [1, 0]], dtype=bool)
    weights = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]])
    metric = find_metric(PARAMS, "recall/b", "gate.metric", ["a", "b"])
    assert not metric.per_class
    assert metric.larger_is_better
    assert not metric.exclusive
    assert not metric.by_scores
    np.testing.assert_allclose(metric(targets, decided, decided.astype(float), weights), [0.5, 1.0])
    np.testing.assert_array_equal(metric.support(targets, decided)[:, 0], [False, False, False, True, True])


def test_the_figure_of_one_class_has_the_range_and_the_caveat_of_its_metric():
    """Both reach whoever reads the figure: without the first the log loss of a class has no interval above 1."""
    each = {
        "log_loss": LogLoss(averaging="none"),
        "calibration_error": CalibrationError(averaging="none", num_bins=5),
        "matthews": Agreement(number="matthews", averaging="none"),
    }
    generator = np.random.default_rng(0)
    targets = np.eye(2)[generator.integers(0, 2, 80)]
    scores = np.where(generator.random((80, 1)) < 0.8, 0.1 + 0.8 * targets, 0.05 + 0.9 * (1 - targets))
    predictions = make_predictions(targets, scores > 0.5, scores, groups=np.arange(80), classes=["a", "b"])
    bootstrap = Bootstrap(num_resamples=100, seed=0)
    together = estimate_metrics(each, predictions, bootstrap)
    alone = estimate_metrics(
        {name: ClassFigure(metric=metric, column=1) for name, metric in each.items()}, predictions, bootstrap
    )
    for name, estimate in alone.items():
        assert estimate == replace(together[f"{name}/b"], n=80)
    assert "chance makes the error of few samples too large" in alone["calibration_error"].caveat


def test_a_derived_metric_says_all_that_a_metric_can_say():
    """A fact that is added to metrics and not passed on would be lost without a word."""
    for fact in Metric.__annotations__:
        assert isinstance(vars(DerivedMetric)[fact], property)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("acuracy", r"^params\.yaml: gate\.metric: there is no figure 'acuracy'; did you mean 'accuracy'\?"),
        ("zzz", r"there is no figure 'zzz'; metric gives accuracy, recall/CLASS, recall_macro"),
        ("f1", r"'f1' is switched off by null in metric; metric gives accuracy, recall/CLASS"),
        ("recall", r"recall is one number per class; name the class as in recall/CLASS, or .*: recall_macro$"),
        ("recall/c", r"there is no class 'c'; the classes are aa, bb$"),
        ("recall/bbb", r"there is no class 'bbb'; did you mean 'bb'\?$"),
        ("accuracy/aa", r"accuracy is one number for all classes, got 'accuracy/aa'; set accuracy$"),
        ({"_target_": RATE}, r"gate\.metric must be the name of a figure, got \{'_target_'.*; metric gives accuracy"),
        (7, r"gate\.metric must be the name of a figure, got 7"),
    ],
)
def test_a_name_that_is_no_figure_is_refused(name, message):
    with pytest.raises(UserError, match=message):
        find_metric(PARAMS, name, "gate.metric", ["aa", "bb"])


def test_a_class_is_not_checked_before_the_data_are_known():
    assert isinstance(find_metric(PARAMS, "recall/anything", "gate.metric"), ClassFigure)


def test_the_gate_decides_by_the_named_figure():
    """The challenger gains in recall of b and loses in accuracy: 60 pictures of a, 40 of b, groups of one."""
    targets = np.eye(2)[np.repeat([0, 1], [60, 40])]
    champion, challenger = targets.copy(), targets.copy()
    champion[60:90] = [1, 0]  # 30 of 40 b are missed
    challenger[:50] = [0, 1]  # 50 of 60 a are taken for b
    ours, theirs = (
        make_predictions(targets, decided, groups=np.arange(100), classes=["a", "b"])
        for decided in (challenger, champion)
    )
    for figure, outcome in (("recall/b", "passed"), ("accuracy", "refused")):
        params = with_gate(metric=figure)
        gates = build_gates(params)
        contest = make_contest(ours, theirs, metrics=metrics_of_gates(params, gates, ["a", "b"]))
        assert gates["superior"](contest).outcome == outcome


def test_other_values_of_a_gate_are_refused():
    with pytest.raises(UserError, match=r"^params\.yaml: gate\.superior\.min_samples must be at least 1, got 0$"):
        build_gates(with_gate(min_samples=0))
    with pytest.raises(UserError, match=r"^params\.yaml: gate must be a mapping of names to nodes"):
        build_gates({**PARAMS, "gate": None})
    with pytest.raises(UserError, match=r"^params\.yaml: gate has no gate that shows a gain"):
        build_gates({**PARAMS, "gate": {"superior": None}})
    with pytest.raises(UserError, match=r"gate\.superior\.metric: there is no figure 'acuracy'; did you mean"):
        metrics_of_gates(PARAMS, build_gates(with_gate(metric="acuracy")))
