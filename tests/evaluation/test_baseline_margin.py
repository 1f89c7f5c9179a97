"""What a model adds to the properties of the pictures, on the same pictures, by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from predictions_examples import make_predictions
from sklearn.metrics import balanced_accuracy_score

from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate
from pipeline.evaluation import baseline_margin
from pipeline.evaluation.baseline_margin import decide_by_properties, margin_over_properties
from pipeline.evaluation.margin_text import describe_margin, is_significantly_worse
from pipeline.statistics.bootstrap import Bootstrap
from pipeline.statistics.classification import balanced_accuracy

EYE = np.eye(2)
BOOTSTRAP = Bootstrap(num_resamples=200, seed=0)


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(baseline_margin, "NUM_TREES", 30)  # what is tested does not need more
    monkeypatch.setattr(baseline_margin, "num_workers", lambda: 1)


def decisions(right):
    """Decisions about classes 0 and 1 in turn, right as told."""
    truth = np.arange(len(right)) % 2
    return EYE[np.where(right, truth, 1 - truth)].astype(bool)


def measured(ours, theirs, groups=None, exclusive=True):
    targets = EYE[np.arange(len(ours)) % 2]
    predictions = make_predictions(targets, decisions(ours), groups=groups)
    return margin_over_properties(predictions, decisions(theirs), exclusive, BOOTSTRAP)


def test_the_gain_is_paired_on_the_same_pictures():
    ours, theirs = np.ones(40, dtype=bool), np.arange(40) >= 8
    found = measured(ours, theirs)  # recalls 1 against 16 of 20, of both classes
    # 8 of 40 gained, none lost: jackknife over classes of 20 each; t of 39 degrees of freedom, variance as of a mean
    assert (found.value, found.n, found.groups) == (pytest.approx(0.2), 40, 40)
    half = 2.0227 * np.sqrt(0.2 * 0.8 / 39)
    assert (found.low, found.high) == pytest.approx((0.2 - half, 0.2 + half), abs=0.004)
    assert found.caveat == ""


def test_what_makes_a_group_hard_for_both_cancels():
    """Ten groups of four in which both are right about all or nothing, and the model about one picture more."""
    hard = np.repeat(np.arange(10) < 5, 4)
    groups = np.repeat(np.arange(10), 4)
    theirs = ~hard
    ours = theirs | (np.arange(40) % 4 == 0) | (np.arange(40) % 4 == 1)  # one of each class in every hard group
    found = measured(ours, theirs, groups)
    assert found.value == pytest.approx(0.25)
    # half of the groups gain 0.5, half nothing: t of 9 degrees of freedom
    half = 2.262157 * np.sqrt(0.25**2 / 9)
    assert (found.low, found.high) == pytest.approx((0.25 - half, 0.25 + half), rel=1e-6)
    both = measured(theirs, theirs, groups)
    assert both.value == 0
    assert both.high == -both.low == pytest.approx(1 - 0.025 ** (1 / 40))


def test_few_groups_have_no_interval():
    found = measured([True] * 8, [True, False] * 4, groups=np.arange(8) // 2)
    assert (found.value, found.low, found.high, found.groups) == (pytest.approx(0.5), None, None, 4)
    assert found.caveat == "no interval: it rests on 4 independent groups, fewer than 5"


def test_several_labels_count_presence_and_absence():
    targets = np.array([[1, 1], [1, 0], [0, 0], [0, 0]])
    decided = np.array([[1, 1], [0, 0], [0, 0], [0, 1]], dtype=bool)
    # label 0: half of those present, all of those absent; label 1: all of one, two of three
    expected = (0.75 + (1 + 2 / 3) / 2) / 2
    assert balanced_accuracy(targets, decided, np.ones((1, 4)), False)[0] == pytest.approx(expected)
    nothing = np.zeros_like(decided)
    found = margin_over_properties(make_predictions(targets, decided), nothing, False, BOOTSTRAP)
    assert found.value == pytest.approx(expected - 0.5)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30))
def test_mean_recall_is_balanced_accuracy(pairs):
    truth, choice = np.array(pairs).T
    assume(len(np.unique(truth)) > 1 and np.isin(choice, truth).all())  # scikit-learn warns of what does not occur
    found = balanced_accuracy(np.eye(3)[truth], np.eye(3)[choice].astype(bool), np.ones((1, len(pairs))), True)[0]
    assert found == pytest.approx(balanced_accuracy_score(truth, choice))


def bright(truth, seed=0):
    """Pictures of which the brightness tells the label and the size nothing."""
    generator = np.random.default_rng(seed)
    noise = generator.uniform(0, 0.2, len(truth))
    return pd.DataFrame(
        {
            "sample_id": [f"s{row}" for row in range(len(truth))],
            "prop_brightness": truth * 0.5 + noise,
            "prop_width": generator.integers(20, 40, len(truth)).astype(float),
            "attr_site": generator.choice(["x", "y"], len(truth)),
        }
    )


def test_a_forest_on_a_property_that_tells_the_label():
    truth, asked = np.arange(60) % 2, np.array([0, 1, 1, 0, 1])
    found = decide_by_properties(bright(truth), EYE[truth], bright(asked, seed=1), True, 0)
    np.testing.assert_array_equal(found, EYE[asked].astype(bool))


def test_the_seed_decides_and_nothing_else():
    truth = np.random.default_rng(1).integers(0, 3, 90)
    learn, judge = bright(truth % 2, 2), bright(np.arange(40) % 2, 3)
    once, twice, other = (decide_by_properties(learn, np.eye(3)[truth], judge, True, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(once, twice)
    assert (once != other).any()
    assert (once.sum(axis=1) == 1).all()


def test_several_labels_are_decided_one_by_one():
    truth = np.arange(60) % 2
    targets = np.stack([truth, 1 - truth, np.ones(60), np.zeros(60)], axis=1)  # the last two are the same for all
    found = decide_by_properties(bright(truth), targets, bright(np.array([0, 1]), seed=1), False, 0)
    np.testing.assert_array_equal(found, [[False, True, True, False], [True, False, True, False]])


def test_one_class_alone_is_decided_for_all():
    found = decide_by_properties(bright(np.zeros(9)), EYE[[1] * 9], bright(np.zeros(3)), True, 0)
    np.testing.assert_array_equal(found, EYE[[1] * 3].astype(bool))


def test_pictures_without_any_property_are_decided_all_alike():
    """Class 1 is twice as frequent, and weighs no more: the forest has nothing to tell them apart by."""
    learn, judge = pd.DataFrame({"sample_id": list("abcdef")}), pd.DataFrame({"sample_id": list("xyz")})
    found = decide_by_properties(learn, EYE[[0, 1, 1, 0, 1, 1]], judge, True, 0)
    assert len(np.unique(found, axis=0)) == 1


def test_a_property_that_the_judged_lack_is_named():
    truth = np.arange(10) % 2
    with pytest.raises(UserError, match=r"needs the column 'prop_brightness', which the samples lack"):
        decide_by_properties(bright(truth), EYE[truth], bright(truth).drop(columns="prop_brightness"), True, 0)


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (
            0.2,
            0.1,
            0.3,
            "above what the properties alone reach on the same pictures, between +10.0 and +30.0: the model uses more",
        ),
        (0.0, -0.1, 0.1, "between -10.0 and +10.0: it is not shown to use more than these properties"),
        (-0.2, -0.3, -0.1, "20.0 points below what the properties alone reach on the same pictures, between"),
        (-0.2, -0.3, -0.1, "and -10.0: these properties alone do better"),
        (0.2, None, None, "no interval says how sure that is"),
        (None, None, None, ""),
    ],
)
def test_sentences(value, low, high, words):
    entry = Estimate(value=value, low=low, high=high, n=4, groups=4)
    assert words in describe_margin(entry)
    assert is_significantly_worse(entry) is (high is not None and high < 0)


def test_without_an_interval_the_sentence_says_why_where_it_is_known():
    caveat = "no interval: it rests on 3 independent groups, fewer than 5"
    text = describe_margin(Estimate(value=0.2, low=None, high=None, n=4, groups=3, caveat=caveat))
    assert text.endswith(f"on the same pictures; {caveat}")


def test_the_sentence_names_its_subject_and_without_an_entry_says_nothing():
    entry = Estimate(value=0.2, low=None, high=None, n=4, groups=4)
    assert describe_margin(entry, "That of the features").startswith("That of the features is 20.0 points above")
    assert describe_margin(None) == ""
