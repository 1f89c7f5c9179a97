"""A challenger is promoted when it is shown to be better on the test samples both were judged by."""

from dataclasses import replace

import numpy as np
import pytest
from file_options import from_file
from predictions_examples import make_predictions

from pipeline.evaluation.figures import ClassFigure
from pipeline.evaluation.gates.better import Better
from pipeline.evaluation.metrics.accuracy import Accuracy
from pipeline.evaluation.metrics.hamming_loss import HammingLoss
from pipeline.evaluation.metrics.ranking import Ranking
from pipeline.evaluation.metrics.rate import Rate

EYE = np.eye(2)


def gate(min_gain=0.0, metric=None, seed=0, min_samples=1, min_gain_of_shared=-0.05):
    return Better(
        metric=metric or Accuracy(),
        min_gain=min_gain,
        min_gain_of_shared=min_gain_of_shared,
        min_samples=min_samples,
        num_resamples=1000,
        seed=seed,
    )


def predictions(right, first=0, groups=None):
    """Samples of two classes in turn; `right` says which are decided rightly."""
    truth = [position % 2 for position in range(first, first + len(right))]
    choice = [one if ok else 1 - one for one, ok in zip(truth, right, strict=True)]
    names = [f"s{position}" for position in range(first, first + len(right))]
    return make_predictions(EYE[truth], EYE[choice], 0.8 * EYE[choice] + 0.1, groups or names, names)


def wrong_in(first, last, num=100):
    return predictions([not first <= position < last for position in range(num)])


def test_the_first_model_is_promoted():
    verdict = gate(min_samples=50)(predictions([False] * 4), None)
    assert (verdict.promote, verdict.reasons, verdict.evidence) == (
        True,
        ["promoted without a comparison: there was no champion"],
        {},
    )


def test_a_gain_by_hand():
    # 20 of 100 gained, none lost; t of 99 degrees of freedom: 1.98422 x sqrt(0.2 x 0.8 / 99) = 0.0798
    verdict = gate()(wrong_in(90, 100), wrong_in(70, 100))
    assert verdict.promote
    interval = "[+0.1202, +0.2798]"
    assert verdict.reasons == [
        f"gain +0.2000 {interval} on 100 common test samples of 100 groups: its lower end is above 0.0"
    ]
    gain = verdict.evidence.pop("gain")
    assert verdict.evidence == {"challenger": 0.9, "champion": pytest.approx(0.7), "min_gain": 0.0}
    half = 1.98422 * np.sqrt(0.2 * 0.8 / 99)
    assert (gain.value, gain.low, gain.high) == pytest.approx((0.2, 0.2 - half, 0.2 + half), rel=1e-5)
    assert (gain.n, gain.groups) == (100, 100)


@pytest.mark.parametrize(
    ("min_gain", "promote", "words"), [(0.12, True, "above 0.12"), (0.13, False, "not above 0.13")]
)
def test_the_lower_end_must_be_above_min_gain(min_gain, promote, words):
    verdict = gate(min_gain)(wrong_in(90, 100), wrong_in(70, 100))
    assert verdict.promote is promote
    assert verdict.reasons[0].endswith(f": its lower end is {words}")
    assert verdict.evidence["min_gain"] == min_gain


def test_a_gain_that_may_be_chance_promotes_nothing():
    # three of 100 gained, one lost: the old rule promoted this
    champion = predictions([position not in (0, 1, 2) for position in range(100)])
    challenger = predictions([position != 3 for position in range(100)])
    verdict = gate()(challenger, champion)
    assert not verdict.promote
    assert verdict.evidence["gain"].value == pytest.approx(0.02)
    assert verdict.evidence["gain"].low < 0
    assert verdict.reasons[0].endswith("its lower end is not above 0.0, and the gain could be chance")


@pytest.mark.parametrize(
    ("num", "min_gain", "promote"), [(100, -0.01, False), (100, -0.05, True), (1_000, -0.01, True), (1_000, 0.0, False)]
)
def test_a_negative_min_gain_asks_that_it_is_not_much_worse(num, min_gain, promote):
    """Equal predictions: what n samples cannot show is 1 - 0.025^(1 / n), 3.6 points of 100 and 0.4 of 1,000."""
    same = predictions([position % 10 > 0 for position in range(num)])
    verdict = gate(min_gain)(same, same)
    assert verdict.promote is promote
    assert verdict.evidence["gain"].low == pytest.approx(-(1 - 0.025 ** (1 / num)))


def test_one_that_is_clearly_worse_stays_out_with_a_negative_min_gain():
    verdict = gate(-0.01)(wrong_in(70, 100), wrong_in(90, 100))
    assert not verdict.promote
    assert verdict.reasons[0].startswith("gain -0.2000 [-0.2798, -0.1202] on 100")


def test_where_smaller_is_better_a_gain_is_a_fall():
    better, worse = wrong_in(90, 100), wrong_in(70, 100)
    verdict = gate(metric=HammingLoss(averaging="macro"))(better, worse)
    assert verdict.promote
    assert verdict.reasons[0].startswith("gain +0.2000 [+0.1202, +0.2798] on 100")
    assert verdict.evidence["challenger"] == pytest.approx(0.1)
    assert not gate(metric=HammingLoss(averaging="macro"))(worse, better).promote


@pytest.mark.parametrize("metric", [Accuracy(), Rate(number="f1", averaging="macro")], ids=["accuracy", "f1"])
def test_of_two_equal_models_the_later_is_hardly_ever_promoted(metric):
    """200 pairs of models that are both right about 80 of 100 pictures, on 150 of them in 30 groups.

    A gain above 0 alone would promote almost half.
    """
    generator = np.random.default_rng(0)
    groups = [f"g{position // 5}" for position in range(150)]
    judging = gate(metric=metric, min_samples=50)
    verdicts = []
    for _ in range(200):
        hard = np.repeat(generator.normal(0, 0.1, 30), 5)  # some groups are harder, for both
        challenger, champion = (predictions(generator.random(150) < 0.8 + hard, groups=groups) for _ in range(2))
        verdicts.append(judging(challenger, champion))
    assert sum(one.promote for one in verdicts) <= 8
    assert 70 <= sum(one.evidence["gain"].value > 0 for one in verdicts) <= 110


def test_a_model_that_is_clearly_better_is_promoted_in_groups_too():
    generator = np.random.default_rng(1)
    groups = [f"g{position // 5}" for position in range(150)]
    found = [
        gate()(*(predictions(generator.random(150) < share, groups=groups) for share in (0.95, 0.75))).promote
        for _ in range(40)
    ]
    assert sum(found) >= 36


def test_too_few_common_samples_give_no_verdict():
    judging = gate(min_samples=50)
    verdict = judging(predictions([True] * 49), predictions([False] * 49))
    assert not verdict.promote
    assert verdict.reasons == ["no verdict: 49 common test samples, at least 50 are needed"]
    assert judging(predictions([True] * 50), predictions([False] * 50)).promote


def test_fewer_than_five_groups_give_no_verdict():
    groups = [f"g{position // 25}" for position in range(100)]
    verdict = gate()(predictions([True] * 100, groups=groups), predictions([False] * 100, groups=groups))
    assert not verdict.promote
    caveat = "no interval: it rests on 4 independent groups, fewer than 5"
    assert verdict.reasons == [f"no verdict on the gain of +1.0000: {caveat}"]
    assert verdict.evidence["gain"].low is None


def test_the_groups_are_counted_and_not_how_many_they_are_worth():
    """Of 126 pictures of classes of different size a macro figure rested on "83 groups"."""
    truth = [0] * 10 + [1] * 90
    right = [position % 3 > 0 for position in range(100)]
    choice = [one if ok else 1 - one for one, ok in zip(truth, right, strict=True)]
    names = [f"s{position}" for position in range(100)]
    champion = make_predictions(EYE[truth], EYE[choice], 0.8 * EYE[choice] + 0.1, names, names)
    challenger = make_predictions(EYE[truth], EYE[truth], 0.8 * EYE[truth] + 0.1, names, names)
    verdict = gate(metric=Rate(number="recall", averaging="macro"))(challenger, champion)
    assert "on 100 common test samples of 100 groups" in verdict.reasons[0]
    assert verdict.evidence["gain"].groups < 40


def test_only_common_samples_count_in_whatever_order():
    challenger = predictions([False] * 3 + [True] * 16)  # s0 to s18
    champion = predictions([True, False] * 7 + [True] * 6, first=5).take(np.random.default_rng(0).permutation(20))
    verdict = gate()(challenger, champion)  # s5 to s18: fourteen right against seven
    assert verdict.promote
    assert verdict.reasons[0].startswith("gain +0.5000 [")
    assert "on 14 common test samples of 14 groups: its lower end is above 0.0" in verdict.reasons[0]


def test_no_common_sample():
    verdict = gate()(predictions([True] * 3), predictions([True] * 3, first=3))
    assert not verdict.promote
    assert verdict.reasons == ["no test sample is common to both: the champion was evaluated on other data"]


def test_labels_that_changed_hold_for_both():
    champion = predictions([True] * 8)  # of the classes 0, 1, 0, 1, ...
    challenger = predictions([True, True, False, True] * 2)
    today = EYE[[0, 1, 1, 1] * 2]  # the challenger's decisions are these
    challenger = replace(challenger, targets=today)
    verdict = gate()(challenger, champion)
    assert verdict.reasons[0].startswith("gain +0.2500 [")
    assert verdict.reasons[1:] == [
        "both are evaluated by the current labels; 2 of these samples had other labels before"
    ]
    assert (verdict.evidence["challenger"], verdict.evidence["champion"]) == (1.0, 0.75)


def test_the_interval_is_paired():
    # 30 of 100 gained, none lost: the difference varies by less than the two alone
    gain = gate()(wrong_in(80, 100), wrong_in(50, 100)).evidence["gain"]
    assert gain.high - gain.low == pytest.approx(2 * 1.98422 * np.sqrt(0.3 * 0.7 / 99), rel=1e-5)
    alone = np.sqrt(0.8 * 0.2 / 99 + 0.5 * 0.5 / 99)
    assert gain.high - gain.low < 2 * 1.98422 * alone


def test_a_gain_in_one_group_alone_is_uncertain():
    groups = [f"g{position // 10}" for position in range(100)]
    good, bad = predictions([True] * 100, groups=groups), predictions([False] * 10 + [True] * 90, groups=groups)
    verdict = gate()(good, bad)
    # one of ten groups gained all: 0.1 -+ 2.262157 x sqrt(0.1 x 0.9 / 9)
    assert not verdict.promote
    assert verdict.evidence["gain"].low == pytest.approx(0.1 - 0.2262157)


def test_the_seed_decides_where_groups_are_resampled():
    good, bad = wrong_in(90, 120, 120), wrong_in(70, 120, 120)
    assert gate(seed=1)(good, bad) == gate(seed=1)(good, bad)
    one, other = (gate(seed=seed)(good, bad).evidence["gain"].low for seed in (1, 2))
    assert one == pytest.approx(other, abs=0.02)
    assert one != other


def test_any_metric_of_one_number():
    verdict = gate(metric=Ranking(number="auroc", averaging="macro"))(predictions([True] * 4), predictions([False] * 4))
    assert verdict.evidence["challenger"] == 1
    assert verdict.evidence["champion"] == 0


def test_a_metric_that_is_undefined_promotes_nothing():
    one_class = replace(predictions([True] * 4), targets=EYE[[0] * 4])
    verdict = gate(metric=Ranking(number="auroc", averaging="macro"))(one_class, one_class)
    assert not verdict.promote
    assert verdict.reasons == ["the gate's metric is undefined on the 4 common test samples"]
    assert verdict.evidence == {}  # not-a-number could not be written as JSON


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"metric": Rate(number="f1", averaging="none")}, r"^metric must be one number for all classes \(averaging"),
        ({"num_resamples": 99}, r"^num_resamples must be at least 100, got 99$"),
        ({"min_samples": 0}, r"^min_samples must be at least 1, got 0$"),
    ],
)
def test_wrong_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(
            Better,
            **{
                "metric": Accuracy(),
                "min_gain": 0.0,
                "min_gain_of_shared": 0.0,
                "min_samples": 50,
                "num_resamples": 100,
                "seed": 0,
                **choices,
            },
        )


def of_classes(labels, answers, classes, first=0):
    """Samples whose label and answer are names of classes."""
    eye = np.eye(len(classes))
    truth, choice = ([classes.index(name) for name in names] for names in (labels, answers))
    names = [f"s{first + position}" for position in range(len(labels))]
    return replace(
        make_predictions(eye[truth], eye[choice], 0.8 * eye[choice] + 0.1, names, names), classes=list(classes)
    )


OLD, NEW = ["a", "b"] * 200, ["c"] * 100


@pytest.mark.parametrize(("mistakes", "promote"), [(0, True), (8, True), (20, False), (100, False)])
def test_a_class_added_needs_no_gain_but_hardly_a_loss_on_the_others(mistakes, promote):
    """Of 400 pictures of the two shared classes the challenger takes some for the new class: these are mistakes."""
    champion = of_classes(OLD, OLD, "ab")
    answers = ["c"] * mistakes + OLD[mistakes:] + NEW
    verdict = gate(min_samples=50)(of_classes(OLD + NEW, answers, "abc"), champion)
    assert verdict.promote is promote
    gain = verdict.evidence["gain"]
    assert (gain.value, gain.n) == (pytest.approx(-mistakes / 400), 400)
    assert verdict.evidence["min_gain"] == -0.05
    assert verdict.reasons[1] == "the classes changed: c is new; compared on the 2 classes of both"


def test_the_figure_of_one_class_follows_it_where_classes_changed():
    """`b` is column 1 of the challenger, and column 0 of the classes of both."""
    figure = ClassFigure(metric=Rate(number="recall", averaging="none"), column=1)
    champion = of_classes(["b", "c"] * 60, ["b", "c"] * 60, "bc")
    challenger = of_classes(["b", "c"] * 60, ["b", "b"] * 60, "abc")
    verdict = gate(metric=figure)(challenger, champion)
    assert (verdict.evidence["challenger"], verdict.evidence["champion"]) == (1.0, 1.0)  # c would be 0.0
    gone = gate(metric=replace(figure, column=0))(challenger, champion)
    assert gone.reasons == [
        "the classes changed: a is new; gate.metric is a figure of a, which is not common: no verdict"
    ]


def test_pictures_that_moved_to_the_new_class_are_not_compared():
    champion = of_classes(OLD, OLD, "ab")
    today = ["c"] * 100 + OLD[100:]
    verdict = gate(min_samples=50)(of_classes(today, today, "abc"), champion)
    assert (verdict.evidence["gain"].n, verdict.promote) == (300, True)


def test_a_class_removed_or_renamed():
    champion = of_classes(OLD + NEW, OLD[:380] + ["c"] * 20 + NEW, "abc")  # twenty b were called c
    removed = gate(min_samples=50)(of_classes(OLD, OLD, "ab"), champion)
    assert (removed.promote, removed.evidence["gain"].n) == (True, 400)
    assert removed.evidence["gain"].value == pytest.approx(0.05)
    assert "c is gone" in removed.reasons[1]
    renamed = gate(min_samples=50)(of_classes(OLD + ["x"] * 100, OLD + ["x"] * 100, "abx"), champion)
    assert (renamed.promote, renamed.evidence["gain"].n) == (True, 400)
    assert renamed.reasons[1].startswith("the classes changed: x is new and c is gone;")


def test_the_order_of_the_classes_is_no_difference():
    verdict = gate()(of_classes(OLD, OLD, "ab"), of_classes(OLD, OLD, "ba"))
    assert not verdict.promote  # equal models
    assert len(verdict.reasons) == 1


def test_without_a_common_class_nothing_is_compared():
    verdict = gate()(of_classes(NEW, NEW, "c"), of_classes(OLD, OLD, "ab"))
    assert not verdict.promote
    assert verdict.reasons == [
        "the classes changed: c is new and a, b are gone; no class is common to both, so nothing can be compared"
    ]


def test_one_common_class_alone_gives_no_verdict():
    """`b` was renamed: a challenger that answers `a` to everything is right on all that can be compared."""
    champion = of_classes(OLD, OLD, "ab")
    verdict = gate(min_samples=50)(of_classes(["a", "x"] * 200, ["a"] * 400, "ax"), champion)
    assert not verdict.promote
    (reason,) = verdict.reasons
    assert reason == (
        "the classes changed: x is new and b is gone; all 200 common test samples are a, so a model that always "
        "answers that would look perfect: no verdict"
    )


def test_of_many_new_classes_five_are_named():
    verdict = gate()(of_classes(OLD, OLD, ["a", "b", *"cdefghi"]), of_classes(OLD, OLD, "ab"))
    assert verdict.reasons[1].startswith("the classes changed: c, d, e, f, g and 2 more are new;")


def test_several_labels_keep_every_picture_of_a_shared_label():
    """Pictures of `a` alone, of `a` and the new `b`, of nothing, of `b` alone: the last ones alone are left out."""
    later = np.array([[1, 0]] * 60 + [[1, 1]] * 60 + [[0, 0]] * 60 + [[0, 1]] * 20)
    names = [f"s{position}" for position in range(len(later))]
    challenger = replace(make_predictions(later, later, later * 1.0, names, names), classes=["a", "b"])
    earlier = later[:, :1]
    champion = replace(make_predictions(earlier, earlier, earlier * 1.0, names, names), classes=["a"])
    verdict = gate(min_samples=50)(challenger, champion)
    assert (verdict.evidence["gain"].n, verdict.promote) == (180, True)
