"""Every metric against scikit-learn on drawn samples, scores with ties, and weights that may be 0.

A mean over classes is compared where the weights leave something of each class that occurs: of a lost one it takes the
figure on all samples, which is worked out by hand in tests/statistics/test_classification.py.
"""

import warnings
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from pipeline.evaluation.metrics.accuracy import Accuracy
from pipeline.evaluation.metrics.balanced_accuracy import BalancedAccuracy
from pipeline.evaluation.metrics.ranking import Ranking
from pipeline.evaluation.metrics.rate import Rate

NUM_CLASSES = 3
RATES = [(number, averaging) for number in ("precision", "recall", "f1") for averaging in ("none", "macro", "weighted")]
METRICS = [
    Accuracy(),
    BalancedAccuracy(),
    *(Rate(number=number, averaging=averaging) for number, averaging in RATES),
    *(Ranking(number=number, averaging=how) for number in ("auroc", "average_precision") for how in ("none", "macro")),
]


class Drawn(NamedTuple):
    truth: np.ndarray
    choice: np.ndarray
    scores: np.ndarray
    weights: np.ndarray

    @property
    def data(self):
        """Targets, decisions and scores as a metric takes them."""
        eye = np.eye(NUM_CLASSES)
        return eye[self.truth], eye[self.choice].astype(bool), self.scores

    @property
    def keeps_classes(self):
        """Whether each row of weights leaves something of each class that occurs, or is decided for."""
        eye = np.eye(NUM_CLASSES)
        return all(
            bool((self.weights @ eye[labels] > 0)[:, np.unique(labels)].all()) for labels in (self.truth, self.choice)
        )


@st.composite
def samples(draw, num_rows=1):
    """Up to 12 samples; scores out of five values, so that many are tied; weights 0 to 3, one of them above 0."""
    size = draw(st.integers(1, 12))
    classes = st.lists(st.integers(0, NUM_CLASSES - 1), min_size=size, max_size=size)
    levels = st.lists(st.integers(0, 4), min_size=size * NUM_CLASSES, max_size=size * NUM_CLASSES)
    counts = st.lists(st.integers(0, 3), min_size=size, max_size=size).filter(any)
    rows = st.lists(counts, min_size=num_rows, max_size=num_rows)
    return Drawn(
        truth=np.array(draw(classes)),
        choice=np.array(draw(classes)),
        scores=np.array(draw(levels)).reshape(size, NUM_CLASSES) / 4,
        weights=np.array(draw(rows), dtype=float),
    )


def expected_rates(drawn, number, averaging):
    """Undefined where documented: a class that neither occurs nor is decided, and recall of one that does not occur."""
    named = {"labels": range(NUM_CLASSES), "sample_weight": drawn.weights[0]}
    function = getattr(sklearn, f"{number}_score")
    per_class = function(drawn.truth, drawn.choice, average=None, zero_division=np.nan, **named)
    support = drawn.weights[0] @ np.eye(NUM_CLASSES)[drawn.truth]
    if number == "precision":
        per_class[np.isnan(per_class) & (support > 0)] = 0
    if averaging == "none":
        return per_class
    known = ~np.isnan(per_class)
    shares = known if averaging == "macro" else support * known
    return (per_class[known] * shares[known]).sum() / shares.sum()


@pytest.mark.parametrize(("number", "averaging"), RATES)
@given(drawn=samples())
def test_rates(number, averaging, drawn):
    assume(averaging != "macro" or drawn.keeps_classes)
    found = Rate(number=number, averaging=averaging)(*drawn.data, drawn.weights)
    np.testing.assert_allclose(found[0], expected_rates(drawn, number, averaging), atol=1e-12)


@given(drawn=samples())
def test_weighted_rates_are_scikit_learns_own(drawn):
    for number in ("precision", "recall", "f1"):
        expected = getattr(sklearn, f"{number}_score")(
            drawn.truth, drawn.choice, sample_weight=drawn.weights[0], average="weighted", zero_division=0
        )
        found = Rate(number=number, averaging="weighted")(*drawn.data, drawn.weights)
        np.testing.assert_allclose(found, [expected], atol=1e-12)


@given(drawn=samples())
def test_accuracies(drawn):
    found = Accuracy()(*drawn.data, drawn.weights)
    expected = sklearn.accuracy_score(drawn.truth, drawn.choice, sample_weight=drawn.weights[0])
    np.testing.assert_allclose(found, [expected])
    assume(drawn.keeps_classes)
    counted = drawn.weights[0] > 0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "y_pred contains classes not in y_true", UserWarning)
        warnings.filterwarnings("ignore", "A single label was found", UserWarning)
        balanced = sklearn.balanced_accuracy_score(
            drawn.truth[counted], drawn.choice[counted], sample_weight=drawn.weights[0][counted]
        )
    np.testing.assert_allclose(BalancedAccuracy()(*drawn.data, drawn.weights), [balanced])


@pytest.mark.parametrize(
    ("number", "function"), [("auroc", "roc_auc_score"), ("average_precision", "average_precision_score")]
)
@given(drawn=samples())
def test_rankings(number, function, drawn):
    targets, _, scores = drawn.data
    weights = drawn.weights[0]
    expected = []
    for column in range(NUM_CLASSES):
        positive, negative = weights @ targets[:, column], weights @ (1 - targets[:, column])
        defined = positive > 0 and (negative > 0 or number == "average_precision")
        measure = getattr(sklearn, function)
        expected.append(measure(targets[:, column], scores[:, column], sample_weight=weights) if defined else np.nan)
    found = Ranking(number=number, averaging="none")(*drawn.data, drawn.weights)
    np.testing.assert_allclose(found, [expected], atol=1e-12)
    assume(drawn.keeps_classes)
    mean = np.nanmean(expected) if not np.isnan(expected).all() else np.nan
    np.testing.assert_allclose(
        Ranking(number=number, averaging="macro")(*drawn.data, drawn.weights), [mean], atol=1e-12
    )


@pytest.mark.parametrize("metric", METRICS, ids=repr)
@given(drawn=samples(num_rows=4))
def test_many_rows_of_weights_at_once_equal_one_at_a_time(metric, drawn):
    together = metric(*drawn.data, drawn.weights)
    assert together.shape == ((4, NUM_CLASSES) if metric.per_class else (4,))
    apart = np.concatenate([metric(*drawn.data, row[None]) for row in drawn.weights])
    np.testing.assert_allclose(together, apart, rtol=1e-12)


@given(drawn=samples())
def test_weights_are_repetitions(drawn):
    times = drawn.weights[0].astype(int)
    for metric in METRICS:
        if not (metric.per_class or drawn.keeps_classes):
            continue
        repeated = [np.repeat(one, times, axis=0) for one in drawn.data]
        once = metric(*repeated, np.ones((1, times.sum())))
        np.testing.assert_allclose(metric(*drawn.data, drawn.weights), once, rtol=1e-12, atol=1e-12)
