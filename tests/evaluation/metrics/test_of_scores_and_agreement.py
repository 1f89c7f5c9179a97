"""The metrics of scores and of agreement against scikit-learn: weights, missing classes, ties, one class only."""

import numpy as np
import pytest
from file_options import from_file
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from predictions_examples import make_predictions
from sklearn import metrics as sklearn
from sklearn.calibration import calibration_curve

from pipeline.evaluation.estimates import estimate_metrics
from pipeline.evaluation.metrics.agreement import Agreement
from pipeline.evaluation.metrics.brier import Brier
from pipeline.evaluation.metrics.calibration_error import CalibrationError
from pipeline.evaluation.metrics.log_loss import LogLoss
from pipeline.evaluation.metrics.ranking_loss import RankingLoss
from pipeline.evaluation.metrics.rate import Rate
from pipeline.evaluation.metrics.top_k_accuracy import TopKAccuracy
from pipeline.statistics.bootstrap import Bootstrap
from pipeline.statistics.calibration import debiased_calibration_errors

NUM_CLASSES = 4
EYE = np.eye(NUM_CLASSES)
NONE = np.zeros((0, NUM_CLASSES), dtype=bool)
FEWER = settings(max_examples=40)  # where each example calls scikit-learn many times


@st.composite
def samples(draw, several=False):
    """Up to 12 samples: truth and choice (N,) or (N, K), scores out of five levels with sum 1, weights 0 to 3."""
    size = draw(st.integers(1, 12))

    def numbers(most, count):
        return np.array(draw(st.lists(st.integers(0, most), min_size=count, max_size=count)))

    weights = draw(st.lists(st.integers(0, 3), min_size=size, max_size=size).filter(any))
    scores = numbers(4, size * NUM_CLASSES).reshape(size, NUM_CLASSES) / 4
    if several:
        truth, choice = (numbers(1, size * NUM_CLASSES).reshape(size, NUM_CLASSES) for _ in range(2))
    else:
        truth, choice = numbers(NUM_CLASSES - 1, size), numbers(NUM_CLASSES - 1, size)
        scores[scores.sum(axis=1) == 0] = 1
        scores /= scores.sum(axis=1, keepdims=True)
    return truth, choice, scores, np.array(weights, dtype=float)


def value(metric, targets, decided, scores, weights):
    """On a row of weights; a second row, of ones, must not change it."""
    together = metric(targets.astype(float), decided.astype(bool), scores, np.stack([weights, np.ones(len(weights))]))
    alone = metric(targets.astype(float), decided.astype(bool), scores, weights[None])
    np.testing.assert_allclose(together[:1], alone, rtol=1e-12, atol=1e-15)
    return alone[0]


@given(samples())
def test_agreement_over_exclusive_classes(drawn):
    truth, choice, scores, weights = drawn
    found = {
        number: value(Agreement(number=number, averaging="multiclass"), EYE[truth], EYE[choice], scores, weights)
        for number in ("matthews", "kappa")
    }
    counted = weights > 0
    if len(np.unique(truth[counted])) == 1:
        assert np.isnan(found["matthews"])  # scikit-learn has 0: nothing was there to be told apart
    else:
        expected = sklearn.matthews_corrcoef(truth, choice, sample_weight=weights)
        assert found["matthews"] == pytest.approx(expected, abs=1e-12)
    if len(np.unique([truth[counted], choice[counted]])) == 1:
        assert np.isnan(found["kappa"])
    else:
        expected = sklearn.cohen_kappa_score(truth, choice, sample_weight=weights, labels=range(NUM_CLASSES))
        assert found["kappa"] == pytest.approx(expected, abs=1e-12)


@FEWER
@given(samples(several=True))
def test_agreement_of_each_label(drawn):
    truth, choice, scores, weights = drawn
    found = {
        number: value(Agreement(number=number, averaging="none"), truth, choice, scores, weights)
        for number in ("matthews", "kappa")
    }
    for column in range(NUM_CLASSES):
        one, other, counted = truth[:, column], choice[:, column], weights > 0
        if len(np.unique(one[counted])) == 1:
            assert np.isnan(found["matthews"][column])
        else:
            expected = sklearn.matthews_corrcoef(one, other, sample_weight=weights)
            assert found["matthews"][column] == pytest.approx(expected, abs=1e-12)
        if len(np.unique([one[counted], other[counted]])) == 1:
            assert np.isnan(found["kappa"][column])
        else:
            expected = sklearn.cohen_kappa_score(one, other, sample_weight=weights, labels=[0, 1])
            assert found["kappa"][column] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("averaging", ["none", "macro", "weighted", "micro"])
@FEWER
@given(drawn=samples(several=True))
def test_rates_of_several_labels(averaging, drawn):
    """Precision, recall, F1 and specificity, which is the recall of absence."""
    truth, choice, scores, weights = drawn
    assume(averaging in ("none", "micro") or weights.all())  # a mean takes the figure on all samples of what was lost
    present = weights @ truth
    for number in ("precision", "recall", "f1", "specificity"):
        found = value(Rate(number=number, averaging=averaging), truth, choice, scores, weights)
        function = getattr(sklearn, f"{'recall' if number == 'specificity' else number}_score")
        sides = (1 - truth, 1 - choice) if number == "specificity" else (truth, choice)
        options = {"sample_weight": weights, "zero_division": np.nan}
        if averaging == "micro":
            expected = function(*sides, average="micro", **options)
            if number == "precision" and np.isnan(expected) and present.any():
                expected = 0.0  # labels there are, none was decided
        else:
            expected = function(*sides, average=None, **options)
            if number == "precision":
                expected[np.isnan(expected) & (present > 0)] = 0
            if averaging != "none":
                known = ~np.isnan(expected)
                shares = known if averaging == "macro" else present * known
                expected = (expected[known] @ shares[known]) / shares.sum() if shares.sum() else np.nan
        np.testing.assert_allclose(found, expected, atol=1e-12)


@given(samples(), st.integers(1, NUM_CLASSES - 1))
def test_top_k(drawn, k):
    truth, choice, scores, weights = drawn
    expected = sklearn.top_k_accuracy_score(truth, scores, k=k, labels=range(NUM_CLASSES), sample_weight=weights)
    assert value(TopKAccuracy(k=k), EYE[truth], EYE[choice], scores, weights) == pytest.approx(expected)


def test_top_k_of_k_classes_is_undefined():
    assert np.isnan(value(TopKAccuracy(k=4), EYE, EYE, EYE, np.ones(4)))


@given(samples())
def test_log_loss_and_brier_of_exclusive_classes(drawn):
    truth, choice, scores, weights = drawn
    named = {"labels": range(NUM_CLASSES), "sample_weight": weights}
    found = value(LogLoss(averaging="multiclass"), EYE[truth], EYE[choice], scores, weights)
    assert found == pytest.approx(sklearn.log_loss(truth, scores, **named), abs=1e-12)
    found = value(Brier(averaging="multiclass"), EYE[truth], EYE[choice], scores, weights)
    assert found == pytest.approx(sklearn.brier_score_loss(truth, scores, scale_by_half=True, **named), abs=1e-12)


@FEWER
@given(samples(several=True))
def test_log_loss_and_brier_of_each_label_and_their_mean(drawn):
    truth, choice, scores, weights = drawn
    for metric, function in ((LogLoss, sklearn.log_loss), (Brier, sklearn.brier_score_loss)):
        named = {"labels": [0, 1], "sample_weight": weights}
        expected = [function(one, score, **named) for one, score in zip(truth.T, scores.T, strict=True)]
        found = value(metric(averaging="none"), truth, choice, scores, weights)
        np.testing.assert_allclose(found, expected, atol=1e-12)
        found = value(metric(averaging="macro"), truth, choice, scores, weights)
        assert found == pytest.approx(np.mean(expected), abs=1e-12)


def expected_error(right, scores, weights, num_bins):
    """From scikit-learn's curve, which takes no weights: each sample as often as it counts."""
    times = weights.astype(int)
    right, scores = np.repeat(right, times), np.repeat(scores, times)
    frequency, mean_score = calibration_curve(right, scores, n_bins=num_bins)
    counts = np.bincount(np.searchsorted(np.linspace(0, 1, num_bins + 1)[1:-1], scores), minlength=num_bins)
    return np.abs(frequency - mean_score) @ counts[counts > 0] / counts.sum()


@given(samples(), st.integers(1, 6))
def test_calibration_error_of_the_highest_score(drawn, num_bins):
    truth, choice, scores, weights = drawn
    found = value(CalibrationError(averaging="multiclass", num_bins=num_bins), EYE[truth], EYE[choice], scores, weights)
    right = scores.argmax(axis=1) == truth
    assert found == pytest.approx(expected_error(right, scores.max(axis=1), weights, num_bins), abs=1e-12)


@FEWER
@given(samples(several=True))
def test_calibration_error_of_each_label(drawn):
    truth, choice, scores, weights = drawn
    expected = [expected_error(*one, weights, 5) for one in zip(truth.T, scores.T, strict=True)]
    found = value(CalibrationError(averaging="none", num_bins=5), truth, choice, scores, weights)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    found = value(CalibrationError(averaging="macro", num_bins=5), truth, choice, scores, weights)
    assert found == pytest.approx(np.mean(expected), abs=1e-12)


@given(samples(several=True))
def test_ranking_loss(drawn):
    truth, choice, scores, weights = drawn
    expected = sklearn.label_ranking_loss(truth, scores, sample_weight=weights)
    assert value(RankingLoss(), truth, choice, scores, weights) == pytest.approx(expected, abs=1e-12)


def test_calibration_error_by_hand():
    # scores 0.9 (right), 0.9 (wrong) and 0.6 (right): in bins of a tenth |1 - 1.8| and |1 - 0.6| of 3
    targets, scores = np.eye(2)[[0, 1, 0]], np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4]])
    metric = CalibrationError(averaging="multiclass", num_bins=10)
    assert value(metric, targets, targets, scores, np.ones(3)) == pytest.approx(1.2 / 3)


def test_a_certain_mistake_costs_the_logarithm_of_the_precision_of_the_scores():
    targets = np.eye(2)[[0]]
    for dtype, cost in ((np.float32, 15.942), (np.float64, 36.044)):
        wrong = np.array([[0, 1]], dtype=dtype)
        assert value(LogLoss(averaging="multiclass"), targets, targets, wrong, np.ones(1)) == pytest.approx(
            cost, abs=1e-3
        )


@pytest.mark.parametrize("metric", [Agreement(number="kappa", averaging="multiclass"), LogLoss(averaging="none")])
def test_no_sample_is_undefined(metric):
    assert np.isnan(metric(NONE.astype(float), NONE, NONE.astype(float), np.ones((2, 0)))).all()


def test_what_each_rests_on_and_which_way_is_better():
    truth = np.eye(2)[[0, 0, 0, 1]]
    agreement = Agreement(number="kappa", averaging="multiclass")
    np.testing.assert_array_equal(agreement.support(truth, truth > 0), truth > 0)
    each = Agreement(number="kappa", averaging="none").support(truth, truth > 0)
    np.testing.assert_array_equal(each, [[False, False]] * 3 + [[True, True]])
    assert agreement.exclusive
    assert agreement.larger_is_better
    assert agreement.bounds == (-1, 1)
    for metric in (LogLoss(averaging="macro"), Brier(averaging="macro"), RankingLoss()):
        np.testing.assert_array_equal(metric.support(truth, truth > 0), np.ones((4, 1)))
        assert not metric.larger_is_better
        assert not metric.exclusive
        assert metric.by_scores
    specificity = Rate(number="specificity", averaging="macro")
    np.testing.assert_array_equal(specificity.support(truth, truth > 0), truth == 0)


@pytest.mark.parametrize(
    ("metric", "choices", "message"),
    [
        (Agreement, {"number": "phi", "averaging": "none"}, r"^number must be 'matthews' or 'kappa', got 'phi'$"),
        (LogLoss, {"averaging": "micro"}, r"^averaging must be 'multiclass', 'none' or 'macro', got 'micro'$"),
        (TopKAccuracy, {"k": 0}, r"^k must be .*, got 0$"),
        (CalibrationError, {"averaging": "none", "num_bins": 0}, r"^num_bins must be .*, got 0$"),
    ],
)
def test_wrong_choices(metric, choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(metric, **choices)


def test_the_calibration_error_without_bias_by_hand():
    # 100 samples of score 0.8, 72 right: gap 0.08, noise sqrt(0.8 x 0.2 / 100) = 0.04, so the gap is 2 of these.
    # A folded normal variable at 2 has the mean sqrt(2 / pi) exp(-2) + 2 (1 - 2 x 0.02275) = 2.01698
    right, scores, ones = np.repeat([[1.0], [0.0]], [72, 28], axis=0), np.full((100, 1), 0.8), np.ones((1, 100))
    found = debiased_calibration_errors(right, scores, ones, 10)
    assert found == pytest.approx(0.08 - 0.04 * 0.01698, abs=1e-6)
    # two bins of one sample each, scores 0.5 and 0.9, both right: gaps 0.5 and 0.1, noise 0.5 and 0.3
    # folded at 1: 1.16663, at 1/3: 0.79788 exp(-1/18) + 1/3 x 0.26112 = 0.84181
    found = debiased_calibration_errors(np.ones((2, 1)), np.array([[0.5], [0.9]]), np.ones((1, 2)), 10)
    assert found == pytest.approx((1 - 0.5 * 1.16663 + 0.2 - 0.3 * 0.84181) / 2, abs=1e-5)


def test_certain_scores_have_no_noise_and_no_sample_is_undefined():
    certain = np.array([[1.0], [0.0], [1.0]])
    found = debiased_calibration_errors(np.array([[1.0], [0.0], [0.0]]), certain, np.array([[1.0, 1, 1], [0, 0, 0]]), 5)
    np.testing.assert_allclose(found, [[1 / 3], [np.nan]])


@FEWER
@given(samples(several=True))
def test_the_calibration_error_without_bias_is_not_above_the_figure_and_not_below_0(drawn):
    truth, choice, scores, weights = drawn
    for averaging in ("none", "macro"):
        metric = CalibrationError(averaging=averaging, num_bins=5)
        data = (truth.astype(float), choice.astype(bool), scores, np.stack([weights, np.ones(len(weights))]))
        figure, centre = metric(*data), metric.without_bias(*data)
        assert (centre <= figure + 1e-12).all()
        assert (centre >= 0).all()


def test_what_chance_adds_to_the_calibration_error_is_subtracted():
    """Of 60 samples in 5 bins the figure is 0.04 too large on average; without bias it is right to 0.01."""
    generator, metric = np.random.default_rng(0), CalibrationError(averaging="multiclass", num_bins=5)
    figures, centres = [], []
    for _ in range(300):
        high = generator.uniform(0.5, 1, 60)
        right = generator.random(60) < high - 0.08  # each bin is 0.08 too sure
        scores = np.stack([high, 1 - high], axis=1)
        data = np.eye(2)[1 - right.astype(int)], scores > 0.5, scores, np.ones((1, 60))
        figures.append(metric(*data)[0])
        centres.append(metric.without_bias(*data)[0])
    assert 0.1 < np.mean(figures) < 0.14
    assert np.mean(centres) == pytest.approx(0.08, abs=0.012)


def test_the_interval_of_a_calibration_error_lies_around_the_figure_without_bias_and_holds_both():
    generator = np.random.default_rng(1)
    scores = generator.dirichlet([1, 1, 1, 1], 150)
    truth = (generator.random((150, 1)) > scores.cumsum(axis=1)[:, :-1]).sum(axis=1)  # as the scores say
    predictions = make_predictions(EYE[truth], scores == scores.max(axis=1, keepdims=True), scores, np.arange(150))
    metric = CalibrationError(averaging="macro", num_bins=15)
    found = estimate_metrics({"error": metric}, predictions, Bootstrap(num_resamples=200, seed=0))["error"]
    data = predictions.targets, predictions.decided, predictions.scores, np.ones((1, 150))
    assert found.value == metric(*data)[0]
    assert found.low < metric.without_bias(*data)[0] < found.value <= found.high
    assert found.value - found.low > 2 * (found.high - found.value)
    assert "chance makes the error of few samples too large; the interval allows for that" in found.caveat
