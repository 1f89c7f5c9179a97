"""A challenger is shown to be better on the test samples of both, or hardly worse where it has another reason."""

import numpy as np
import pandas as pd
import pytest
from gate_examples import make_contest
from predictions_examples import make_predictions

from pipeline.evaluation.gates.not_inferior import NotInferior
from pipeline.evaluation.gates.shared_classes import SharedClasses
from pipeline.evaluation.gates.superior import Superior
from pipeline.evaluation.metrics.accuracy import Accuracy
from pipeline.evaluation.metrics.hamming_loss import HammingLoss
from pipeline.evaluation.metrics.ranking import Ranking

EYE = np.eye(2)
SHARED = {"metric": "figure", "num_resamples": 1000, "seed": 0}


def ask(challenger, champion, metric=None, min_gain=0.0, min_samples=1):
    gate = Superior(min_gain=min_gain, min_samples=min_samples, power_for=0.03, **SHARED)
    return gate(make_contest(challenger, champion, metrics={"figure": metric or Accuracy()}))


def predictions(right, groups=None, first=0):
    """Samples of two classes in turn; `right` says which are decided rightly."""
    truth = [position % 2 for position in range(len(right))]
    choice = [one if ok else 1 - one for one, ok in zip(truth, right, strict=True)]
    names = [f"s{first + position}" for position in range(len(right))]
    return make_predictions(EYE[truth], EYE[choice], 0.8 * EYE[choice] + 0.1, groups or names, names)


def wrong_in(first, last, num=100):
    return predictions([not first <= position < last for position in range(num)])


def test_without_a_champion_there_is_nothing_to_show():
    found = ask(predictions([False] * 4), None)
    assert (found.outcome, found.sentence) == ("not_needed", "there is no champion to compare with")


def test_a_gain_and_its_power_by_hand():
    # 20 of 100 gained, none lost; t of 99 degrees of freedom: 1.98422 x sqrt(0.2 x 0.8 / 99) = 0.0798
    # one error is 0.0402, so a gain of 0.03 is t(0.03 / 0.0402 - 1.984) = P(t99 < -1.238) = 0.109
    found = ask(wrong_in(90, 100), wrong_in(70, 100))
    assert found.outcome == "passed"
    assert found.sentence == (
        "gain +0.2000 [+0.1202, +0.2798] on 100 common test samples of 100 groups: its lower end is above 0.0; "
        "with 100 pictures of 100 groups a gain of 3 points is shown in 11 of 100 cases"
    )
    assert (found.figures["challenger"], found.figures["champion"]) == (0.9, pytest.approx(0.7))
    assert found.figures["power"] == pytest.approx(0.109, abs=0.001)
    beyond = ask(wrong_in(90, 100), wrong_in(70, 100), min_gain=0.03)  # a true gain of just the limit: 2.5 of 100
    assert beyond.figures["power"] == pytest.approx(0.025, abs=0.001)


@pytest.mark.parametrize(("min_gain", "outcome"), [(0.12, "passed"), (0.13, "refused")])
def test_the_lower_end_must_be_above_min_gain(min_gain, outcome):
    assert ask(wrong_in(90, 100), wrong_in(70, 100), min_gain=min_gain).outcome == outcome


def test_a_gain_that_may_be_chance_shows_nothing():
    # three of 100 gained, one lost
    champion = predictions([position not in (0, 1, 2) for position in range(100)])
    found = ask(predictions([position != 3 for position in range(100)]), champion)
    assert found.outcome == "refused"
    assert "its lower end is not above 0.0, and the gain could be chance; with 100 pictures" in found.sentence


def test_two_that_decide_alike_have_no_power_to_state():
    found = ask(wrong_in(0, 10), wrong_in(0, 10))
    assert (found.outcome, found.figures["power"]) == ("refused", None)
    assert "in 100 cases" not in found.sentence


def test_where_smaller_is_better_a_gain_is_a_fall():
    found = ask(wrong_in(90, 100), wrong_in(70, 100), metric=HammingLoss(averaging="macro"))
    assert found.outcome == "passed"
    assert found.sentence.startswith("gain +0.2000 [+0.1202, +0.2798]")


def test_labels_that_changed_hold_for_both():
    champion = predictions([True] * 20)
    challenger = make_predictions(EYE[[0] * 20], EYE[[0] * 20], names=champion.sample_ids, groups=champion.groups)
    found = ask(challenger, champion)
    assert found.figures["champion"] == 0.5
    assert "10 of these samples had other labels before" in found.sentence


@pytest.mark.parametrize(
    ("challenger", "champion", "options", "sentence"),
    [
        (predictions([True] * 9), predictions([True] * 9, first=9), {}, "no test sample is common to both: the"),
        (predictions([True] * 9), predictions([True] * 9), {"min_samples": 10}, "no verdict: 9 common test samples"),
        (
            predictions([True] * 20, groups=["a", "b", "c", "d"] * 5),
            predictions([False] * 20),
            {},
            "no verdict on the gain of +1.0000: no interval: it rests on 4 independent groups, fewer than 5",
        ),
        (
            make_predictions(EYE[[0] * 4], EYE[[0] * 4]),
            make_predictions(EYE[[0] * 4], EYE[[0] * 4]),
            {"metric": Ranking(number="auroc", averaging="macro")},
            "the figure figure is undefined on the 4 common test samples",
        ),
        (
            make_predictions(EYE[[0, 1]], EYE[[0, 1]], classes=["x", "y"]),
            make_predictions(EYE[[0, 1]], EYE[[0, 1]], classes=["a", "b"]),
            {},
            "the classes changed: x, y are new and a, b are gone; no class is common to both",
        ),
    ],
    ids=["no sample", "few samples", "few groups", "undefined", "no class"],
)
def test_what_cannot_be_compared_shows_nothing(challenger, champion, options, sentence):
    found = ask(challenger, champion, **options)
    assert found.outcome == "cannot_be_judged"
    assert found.sentence.startswith(sentence)


def test_of_two_equal_models_the_later_is_hardly_ever_shown_to_be_better():
    """100 pairs that are both right about 80 of 100 pictures, on 150 of them in 30 groups, some harder for both."""
    generator = np.random.default_rng(0)
    groups = [f"g{position // 5}" for position in range(150)]
    passed = 0
    for _ in range(100):
        hard = np.repeat(generator.normal(0, 0.1, 30), 5)
        ours, theirs = (predictions(generator.random(150) < 0.8 + hard, groups) for _ in range(2))
        passed += ask(ours, theirs).outcome == "passed"
    assert passed <= 6


def of_classes(labels, answers, classes):
    eye = np.eye(len(classes))
    truth, choice = ([classes.index(one) for one in names] for names in (labels, answers))
    names = [f"s{position}" for position in range(len(labels))]
    return make_predictions(eye[truth], eye[choice], 0.8 * eye[choice] + 0.1, names, names, list(classes))


OLD, NEW = ["a", "b"] * 200, ["c"] * 100


@pytest.mark.parametrize(("mistakes", "outcome"), [(0, "passed"), (8, "passed"), (20, "refused"), (100, "refused")])
def test_a_class_added_needs_no_gain_but_hardly_a_loss_on_the_others(mistakes, outcome):
    """Of 400 pictures of the two shared classes the challenger takes some for the new class: these are mistakes."""
    gate = SharedClasses(margin=0.05, min_samples=50, **SHARED)
    challenger = of_classes(OLD + NEW, ["c"] * mistakes + OLD[mistakes:] + NEW, "abc")
    found = gate(make_contest(challenger, of_classes(OLD, OLD, "ab"), metrics={"figure": Accuracy()}))
    assert found.outcome == outcome
    assert (found.figures["gain"].value, found.figures["gain"].n) == (pytest.approx(-mistakes / 400), 400)
    assert found.sentence.endswith("the classes changed: c is new; compared on the 2 classes of both")


def test_without_a_change_of_classes_nothing_is_needed():
    gate = SharedClasses(margin=0.05, min_samples=50, **SHARED)
    same = of_classes(OLD, OLD, "ab")
    assert gate(make_contest(same, of_classes(OLD, OLD, "ba"))).outcome == "not_needed"
    assert gate(make_contest(same, None)).outcome == "not_needed"


def hardly_worse(challenger, champion, margin=0.05, **facts):
    gate = NotInferior(margin=margin, min_new=1, min_slice=20, min_samples=1, **SHARED)
    return gate(make_contest(challenger, champion, metrics={"figure": Accuracy()}, **facts))


def test_hardly_worse_counts_only_with_newer_data():
    same = wrong_in(0, 10)  # what 100 samples cannot show is 1 - 0.025^(1 / 100) = 3.6 points
    assert hardly_worse(same, same).outcome == "not_needed"
    assert hardly_worse(same, same, num_new=3, theirs={"data_hash": "new"}).outcome == "not_needed"
    assert hardly_worse(same, same, num_new=3, theirs={"data_hash": ""}).outcome == "not_needed"  # not known
    newer = hardly_worse(same, same, num_new=3)
    assert newer.outcome == "passed"
    assert newer.sentence.endswith("newer data: 3 pictures of val and test are new to the champion")
    assert hardly_worse(same, same, margin=0.03, num_new=3).outcome == "refused"


def test_hardly_worse_counts_where_a_slice_is_passed_that_the_champion_fails():
    """Of 60 pictures of one camera the champion is right on half, the challenger on all; elsewhere it loses three."""
    names = [f"s{position}" for position in range(400)]
    champion = predictions([position >= 60 or position % 4 < 2 for position in range(400)])
    challenger = predictions([position < 397 for position in range(400)])
    cameras = pd.DataFrame({"sample_id": names, "attr_camera": ["old"] * 60 + ["new"] * 340})
    found = hardly_worse(challenger, champion, attributes=cameras)
    assert found.outcome == "passed"
    assert "it passes a slice that the champion fails: camera old, +50.0 points [" in found.sentence
    since = hardly_worse(challenger, champion, new_samples=frozenset(names[:60]))
    assert "new_to_champion yes, +50.0 points [" in since.sentence
