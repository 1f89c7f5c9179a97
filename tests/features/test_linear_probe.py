"""Probes judge only what they have not learnt from."""

import numpy as np
import pytest
from labelled_features import make_features

from pipeline.features import linear_probe
from pipeline.features.linear_probe import (
    NUM_DIMENSIONS,
    drop_errors,
    out_of_fold_probabilities,
    pca_directions,
    stratified_group_folds,
    temperature_scale,
    untestable_rows,
)
from pipeline.statistics import nearest_neighbors


@pytest.fixture
def alone():
    """Every sample its own group."""
    return lambda num: np.arange(num).astype(str)


def test_compact_keeps_directions_and_forgets_lengths():
    features, _ = make_features()
    lengths = np.linspace(0.1, 50, len(features))[:, None]
    np.testing.assert_allclose(pca_directions(features * lengths, 0), pca_directions(features, 0), atol=1e-4)


def test_compact_keeps_what_varies_by_hand():
    # directions (1, 0) and (0, 1): half their difference from the mean lies along (1, -1), nothing across it
    reduced = pca_directions(np.array([[3.0, 0], [0, 2.0], [5.0, 0], [0, 1.0]]), 0)
    assert reduced.dtype == np.float32
    np.testing.assert_allclose(np.abs(reduced), [[np.sqrt(0.5), 0]] * 4, atol=1e-6)
    assert np.sign(reduced[:, 0]).tolist() in ([1, -1, 1, -1], [-1, 1, -1, 1])


@pytest.mark.parametrize(("shape", "num"), [((300, 400), NUM_DIMENSIONS), ((300, 7), 7), ((5, 400), 5)])
def test_compact_is_bounded_and_the_same_every_time(shape, num):
    features = np.random.default_rng(0).normal(size=shape).astype(np.float16)
    reduced = pca_directions(features, 3)
    assert reduced.shape == (shape[0], num)
    np.testing.assert_array_equal(reduced, pca_directions(features, 3))


def test_folds_judge_each_sample_once_and_learn_from_the_others(alone):
    labels = np.arange(20) % 2
    parts = stratified_group_folds(labels, alone(20), 5, 0)
    assert len(parts) == 5
    assert sorted(np.concatenate([judged for _, judged in parts])) == list(range(20))
    for learnt, judged in parts:
        assert sorted([*learnt, *judged]) == list(range(20))
        assert np.bincount(labels[judged]).tolist() == [2, 2]


def test_folds_keep_groups_whole():
    groups = np.repeat([f"g{number}" for number in range(10)], 4)
    for learnt, judged in stratified_group_folds(np.arange(40) % 2, groups, 5, 0):
        assert not set(groups[learnt]) & set(groups[judged])


@pytest.mark.parametrize(
    ("labels", "groups", "num"),
    [
        ([0, 1, 0, 1, 0, 1], list("aabbcc"), 3),  # no more folds than groups
        ([0, 1, 0, 1, 0, 1], list("aaaaab"), 2),
        ([0, 1, 2, 3, 0, 1], list("abcdef"), 5),  # however few samples the largest class has
        ([0, 1, 2, 3, 4, 5], list("abcdef"), 5),  # labels that all differ, as sets of several labels may
        ([0, 1, 2, 3, 4, 5], list("aabbcc"), 3),
    ],
)
def test_fewer_folds_for_few_groups_not_for_small_classes(labels, groups, num):
    assert len(stratified_group_folds(np.array(labels), np.array(groups), 5, 0)) == num


def test_a_label_of_one_group_is_unseen():
    labels, groups = np.array([0, 0, 1, 1, 0, 1, 2, 2]), np.array(list("abcdefgg"))
    assert untestable_rows(labels, stratified_group_folds(labels, groups, 3, 0)).tolist() == [False] * 6 + [True] * 2
    assert untestable_rows(labels, stratified_group_folds(labels, np.array(["a"] * 8), 3, 0)).all()


def test_out_of_fold_probabilities_know_the_class(alone):
    features, truth = make_features()
    chances = out_of_fold_probabilities(
        pca_directions(features, 0), truth, stratified_group_folds(truth, alone(len(truth)), 5, 0)
    )
    assert chances.shape == (120, 3)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert (chances.argmax(axis=1) == truth).mean() > 0.95  # chance is a third


def test_shuffled_labels_cannot_be_known(alone):
    features, truth = make_features()
    shuffled = np.random.default_rng(1).permutation(truth)
    chances = out_of_fold_probabilities(
        pca_directions(features, 0), shuffled, stratified_group_folds(shuffled, alone(len(truth)), 5, 0)
    )
    assert (chances.argmax(axis=1) == shuffled).mean() < 0.45


def test_a_label_that_only_a_group_knows_is_not_learnt_from_it():
    """Copies in one group carry noise as label: judged together, none of them helps to know another."""
    generator = np.random.default_rng(0)
    features = np.repeat(generator.normal(size=(60, 200)), 2, axis=0)
    labels = np.repeat(generator.integers(0, 2, 60), 2)
    pairs = np.repeat(np.arange(60), 2).astype(str)
    together = out_of_fold_probabilities(
        pca_directions(features, 0), labels, stratified_group_folds(labels, pairs, 5, 0)
    )
    assert (together.argmax(axis=1) == labels).mean() < 0.65
    apart = out_of_fold_probabilities(
        pca_directions(features, 0), labels, stratified_group_folds(labels, np.arange(120).astype(str), 5, 0)
    )
    assert (apart.argmax(axis=1) == labels).mean() > 0.8


def test_what_is_not_trusted_is_judged_but_not_learnt_from(alone):
    features, truth = make_features()
    given = truth.copy()
    given[: len(given) // 2] = (given[: len(given) // 2] + 1) % 3  # half of the labels are wrong
    trusted = np.arange(len(given)) >= len(given) // 2
    reduced = pca_directions(features, 0)
    chances = out_of_fold_probabilities(reduced, given, stratified_group_folds(given, alone(len(given)), 5, 0), trusted)
    assert (chances.argmax(axis=1) == truth).mean() > 0.85
    unsure = out_of_fold_probabilities(reduced, given, stratified_group_folds(given, alone(len(given)), 5, 0))
    assert (unsure.argmax(axis=1) == truth).mean() < 0.7


def test_where_one_class_alone_is_known_its_share_is_all_that_can_be_said(alone):
    features, _ = make_features(num_per_class=2)
    labels = np.array([0, 0, 0, 0, 0, 1])
    trusted = labels == 0
    chances = out_of_fold_probabilities(
        pca_directions(features, 0), labels, stratified_group_folds(labels, alone(6), 2, 0), trusted
    )
    np.testing.assert_allclose(chances, [[1, 0]] * 6, atol=1e-6)


def test_a_class_that_is_not_learnt_has_no_chance(alone):
    features, _ = make_features(num_per_class=4)
    labels = np.array([0, 1] * 5 + [2, 0])  # the third class has one sample: whoever judges it has not seen it
    chances = out_of_fold_probabilities(
        pca_directions(features, 0), labels, stratified_group_folds(labels, alone(12), 5, 0)
    )
    assert chances[10, 2] == 0
    np.testing.assert_allclose(chances.sum(axis=1), 1)


def test_as_many_samples_as_classes_have_no_spread(alone):
    chances = out_of_fold_probabilities(
        np.eye(4, dtype=np.float32),
        np.array([0, 1, 0, 1]),
        stratified_group_folds(np.array([0, 1, 0, 1]), alone(4), 2, 0),
    )
    np.testing.assert_allclose(chances, 0.5)


def test_a_temperature_makes_chances_as_sure_as_they_are_right():
    # three of four answers are right; whoever says so loses least, whatever odds of either size were claimed
    chances = np.array([[0.99, 0.01]] * 4)
    np.testing.assert_allclose(temperature_scale(chances, np.array([0, 0, 0, 1])), [[0.75, 0.25]] * 4, atol=1e-3)
    np.testing.assert_allclose(
        temperature_scale([[0.6, 0.4]] * 10, np.array([0] * 9 + [1])), [[0.9, 0.1]] * 10, atol=1e-3
    )


def test_a_temperature_changes_no_order_within_a_sample():
    generator = np.random.default_rng(0)
    chances, labels = generator.dirichlet(np.full(5, 0.1), 50), generator.integers(0, 5, 50)
    found = temperature_scale(chances, labels)
    np.testing.assert_array_equal(found.argmax(axis=1), chances.argmax(axis=1))
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert found.max() < chances.max()  # labels drawn without regard to them


def test_a_chance_of_nothing_is_no_certainty():
    found = temperature_scale(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 1]))
    assert np.isfinite(found).all()
    assert found[0, 1] > 0.1


@pytest.fixture
def halves():
    """Five directions tell all of forty numbers; float16, as embed writes them."""
    generator = np.random.default_rng(0)
    return (generator.normal(size=(300, 5)) @ generator.normal(size=(5, 40)) + 3).astype(np.float16)


def distances(reduced):
    return np.linalg.norm(reduced[:, None] - reduced, axis=2)


def test_compact_keeps_the_distances_of_directions(halves):
    unit = halves / np.linalg.norm(halves.astype(float), axis=1, keepdims=True)
    assert distances(linear_probe.pca_directions(halves, 0)) == pytest.approx(distances(unit), abs=2e-3)


def test_components_learnt_from_a_part_and_applied_in_blocks_say_the_same(halves, monkeypatch):
    whole = linear_probe.pca_directions(halves, 0)
    for module, name, value in (
        (linear_probe, "NUM_FITTED", 100),
        (linear_probe, "BLOCK", 64),
        (nearest_neighbors, "BLOCK", 64),
    ):
        monkeypatch.setattr(module, name, value)
    parts = linear_probe.pca_directions(halves, 0)
    assert parts.dtype == whole.dtype == np.float32
    assert distances(parts) == pytest.approx(distances(whole), abs=2e-3)


def test_the_features_are_left_as_they_are(halves):
    before = halves.astype(np.float32)
    kept = before.copy()
    linear_probe.pca_directions(before, 0)
    assert np.array_equal(before, kept)


@pytest.mark.parametrize("share", [0.0, 0.2])
@pytest.mark.parametrize("apart", [1.5, 3.0])
def test_errors_are_told_from_unclear_pictures(apart, share):
    """Chances twice too sure of classes that overlap, and a share of the labels drawn from a hat."""
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 2, 4000)
    logit = apart * (generator.normal(0, 1, 4000) + apart * (truth - 0.5))  # the log odds of two normal classes
    labels = np.where(generator.random(4000) < share, generator.integers(0, 2, 4000), truth)
    too_sure = 1 / (1 + np.exp(-2 * logit))
    right, found = drop_errors(np.stack([1 - too_sure, too_sure], axis=1), labels)
    assert found == pytest.approx(share, abs=0.04)
    assert right[:, 1] == pytest.approx(1 / (1 + np.exp(-logit)), abs=0.08)


def test_chances_that_are_all_alike_speak_for_errors():
    labels = np.array([0, 1] * 50)
    chances = np.where(np.arange(2) == labels[:, None], 0.9, 0.1)
    wrong = np.where(np.arange(100) < 10, 1 - labels, labels)
    right, share = drop_errors(chances, wrong)
    assert share == pytest.approx(0.2, abs=0.02)  # of which half fall on the label that was there
    assert right.max(axis=1).min() > 0.99
