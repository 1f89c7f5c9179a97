"""Wrong labels that were planted are the ones that are found."""

import numpy as np
import pytest
from labelled_features import CLASSES, exchanged, make_features, named

from pipeline.checks.label_quality.confident_learning import LEAST_NOISE, find_label_issues

PLANTED = np.array([3, 10, 17, 24, 31, 38, 45, 52, 59, 66, 73, 80])  # a tenth of 120
NUM_FOLDS = 5


@pytest.fixture
def found():
    """What is suspected of these labels."""

    def search(features, labels, groups=None, **options):
        groups = np.arange(len(labels)).astype(str) if groups is None else groups
        return find_label_issues(features, labels, groups, NUM_FOLDS, 0, **options)

    return search


def test_planted_labels_are_the_first_suspects_and_the_truth_is_suggested(found):
    features, truth = make_features()
    result = found(features, named(exchanged(truth, PLANTED)))
    first = result.table.head(len(PLANTED))
    assert set(first["row"]) == set(PLANTED)
    assert [names[0] for names in first["suggested"]] == [CLASSES[truth[row]] for row in first["row"]]
    assert (result.table["quality"] / result.table["p_suggested"]).is_monotonic_increasing
    assert len(result.table) < 1.5 * len(PLANTED)
    assert result.quality.shape == (120,)
    assert result.quality[PLANTED].max() < np.median(result.quality)


def test_right_labels_of_pictures_that_can_be_told_are_hardly_suspected(found):
    features, truth = make_features(spread=0.3)
    assert len(found(features, named(truth)).table) <= 3


def test_the_noise_is_what_was_planted(found):
    """An eighth of the bees is called fly, and nothing else is wrong."""
    features, truth = make_features(spread=0.3)
    bees = np.flatnonzero(truth == 1)
    given = exchanged(truth, bees[:5])
    noise = found(features, named(given)).noise
    assert next(iter(noise)) == ("fly", "bee")
    assert noise["fly", "bee"] == pytest.approx(5 / 40, abs=0.04)
    assert all(share < 0.05 for pair, share in noise.items() if pair != ("fly", "bee"))
    assert list(noise.values()) == sorted(noise.values(), reverse=True)
    assert min(noise.values()) >= LEAST_NOISE
    assert not any(given == true for given, true in noise)


def test_the_same_every_time(found):
    features, truth = make_features()
    labels = named(exchanged(truth, PLANTED))
    once, twice = found(features, labels), found(features, labels)
    assert once.table.equals(twice.table)
    assert once.noise == twice.noise
    np.testing.assert_array_equal(once.quality, twice.quality)


def test_a_group_does_not_vouch_for_itself(found):
    """Six copies of one picture, all labelled wrongly: apart, each confirms the others."""
    features, truth = make_features()
    copies = np.arange(0, 18, 3)  # ants
    features[copies] = features[0] + np.random.default_rng(1).normal(scale=0.01, size=(6, 24))
    labels, groups = named(exchanged(truth, copies)), np.arange(120).astype(str)
    apart = found(features, labels, groups)
    groups[copies] = "copies"
    together = found(features, labels, groups)
    assert together.quality[copies].max() < apart.quality[copies].min() - 0.1


def test_several_labels_are_a_question_each(found):
    """Ants are everywhere, bees where the second class is: missing and surplus labels are both found."""
    features, truth = make_features(num_per_class=100, spread=0.3)
    labels = [["ant", "bee"] if one == 1 else ["ant"] for one in truth]
    missing, surplus = np.flatnonzero(truth == 1)[:3], np.flatnonzero(truth == 2)[:3]
    for row in missing:
        labels[row] = ["ant"]
    for row in surplus:
        labels[row] = ["ant", "bee"]
    result = found(features, labels)
    first = result.table.head(6).set_index("row")["suggested"]
    assert set(first.index) == {*missing, *surplus}
    assert all(first[row] == ["ant", "bee"] for row in missing)
    assert all(first[row] == ["ant"] for row in surplus)
    assert {("not bee", "bee"), ("bee", "not bee")} <= set(result.noise)
    assert not any("ant" in name for pair in result.noise for name in pair)  # what all have contradicts nothing


def test_the_noise_of_several_labels_is_sorted_over_all_of_them(found):
    features, truth = make_features(spread=0.3)
    labels = [["ant"] if one == 0 else ["ant", "bee"] if one == 1 else ["bee", "fly"] for one in truth]
    for row in np.flatnonzero(truth == 2)[:6]:
        labels[row] = ["bee"]
    noise = found(features, labels).noise
    assert next(iter(noise)) == ("not fly", "fly")
    assert list(noise.values()) == sorted(noise.values(), reverse=True)


def test_what_a_person_confirmed_is_learnt_from(found):
    """Eight ants look like bees; once confirmed, the second round knows that ants can look so."""
    features, truth = make_features(spread=0.3)
    odd = np.flatnonzero(truth == 1)[:8]
    given = truth.copy()
    given[odd] = 0
    without, told = found(features, named(given)), np.isin(np.arange(120), odd)
    assert set(odd) <= set(without.table["row"])
    confirmed = found(features, named(given), confirmed=told)
    assert confirmed.quality[odd].min() > without.quality[odd].max()


def test_a_class_is_never_lost_to_the_second_round(found):
    """The only two flies look like ants: the first round doubts both, and the second one still knows flies."""
    features, truth = make_features()
    given = np.where(truth == 2, 1, truth)
    given[[0, 3]] = 2
    result = found(features, named(given))
    assert np.isfinite(result.quality).all()
    assert {0, 3} & set(result.table["row"])


def test_a_class_of_one_sample(found):
    features, truth = make_features(num_per_class=8)
    given = np.where(truth == 2, 1, truth)
    given[5] = 2
    result = found(features, named(given))
    assert np.flatnonzero(result.untestable).tolist() == [5]
    assert np.isfinite(result.quality).all()


def test_a_class_of_one_group_is_not_judged(found):
    """One patient has all the flies: a probe that must not see the patient has never seen a fly."""
    features, truth = make_features()
    groups = np.where(truth == 2, "patient", np.arange(120).astype(str))
    result = found(features, named(truth), groups)
    assert result.untestable.tolist() == (truth == 2).tolist()
    assert not (truth[result.table["row"]] == 2).any()
    assert (result.quality[truth == 2] == 1).all()
    assert len(result.table) <= 6
    both = found(features, [[CLASSES[one], "insect"] for one in truth], groups)
    assert both.untestable.tolist() == (truth == 2).tolist()
    assert not (truth[both.table["row"]] == 2).any()


def test_of_one_group_alone_nothing_is_judged(found):
    features, truth = make_features()
    result = found(features, named(truth), np.array(["g"] * 120))
    assert result.untestable.all()
    assert result.table.empty
    assert result.noise == {}
