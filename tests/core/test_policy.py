"""A policy turns scores into decisions, and comes back from a file as it was."""

import dataclasses
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.core.decision_rule import Rule
from pipeline.core.errors import UserError
from pipeline.core.policy import OUT_OF_DISTRIBUTION, OutOfDistribution, Policy, confidence_of, scores_to_logits
from pipeline.training.tasks.multi_label import MultiLabel
from pipeline.training.tasks.single_label import SingleLabel

ONE = SingleLabel(label_smoothing=0.0)
SEVERAL = MultiLabel(thresholds=[0.5, 0.3, 0.9])
PLAIN = Policy(
    training_key="key",
    exclusive=True,
    temperatures=(1.0,) * 3,
    rule=Rule(),
    abstention="never",
    min_confidence=0.5,
    coverage=0.9,
    set_thresholds=None,
    notes=(),
    num_samples=100,
    num_groups=20,
)
FAR = OutOfDistribution(distance={"_target_": "x"}, reference="0" * 32, limit=2.0, share=0.01, abstains=True)
SCORES = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.4, 0.6, 0.0]])


def test_a_policy_that_changes_nothing():
    found = PLAIN.decide(SCORES, ONE)
    np.testing.assert_array_equal(found.scores, SCORES.astype(np.float32))
    assert found.decided.argmax(axis=1).tolist() == [0, 2, 1]
    assert found.abstains.tolist() == [False] * 3
    assert found.sets is None


def test_a_temperature_by_hand():
    """At 2 each score is the square root, as a share of the sum of the square roots."""
    found = replace(PLAIN, temperatures=(2.0,) * 3).calibrate(np.array([[0.64, 0.04, 0.32]]))
    roots = np.sqrt([0.64, 0.04, 0.32])
    np.testing.assert_allclose(found[0], roots / roots.sum(), rtol=1e-6)
    several = replace(PLAIN, exclusive=False, temperatures=(1.0, 2.0, 0.5))
    odds = np.array([4.0, 4.0, 4.0])
    expected = odds ** [1, 0.5, 2]
    np.testing.assert_allclose(several.calibrate(np.full((1, 3), 0.8))[0], expected / (1 + expected), rtol=1e-6)


def normalised(rows):
    return (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)


@given(
    arrays(np.float64, (6, 4), elements=st.floats(1e-6, 1)).map(normalised),
    st.floats(0.02, 50),
)
def test_a_temperature_never_changes_the_class(scores, temperature):
    policy = replace(PLAIN, temperatures=(temperature,) * 4)
    found = policy.decide(scores, ONE)
    np.testing.assert_array_equal(found.decided, ONE.decide(scores))
    taken = np.where(found.decided, found.scores, 0).max(axis=1)
    np.testing.assert_array_equal(taken, found.scores.max(axis=1))
    assert (found.scores >= 0).all()
    np.testing.assert_allclose(found.scores.sum(axis=1), 1, atol=1e-5)


@given(
    arrays(np.float32, (5, 3), elements=st.floats(0, 1, width=32)),
    st.tuples(*[st.floats(0.02, 50)] * 3),
)
def test_a_temperature_per_label_never_changes_a_label_or_its_order(scores, temperatures):
    policy = replace(PLAIN, exclusive=False, temperatures=temperatures)
    found = policy.decide(scores, SEVERAL)
    np.testing.assert_array_equal(found.decided, SEVERAL.decide(scores))
    order = np.argsort(scores, axis=0, kind="stable")
    assert (np.diff(np.take_along_axis(found.scores, order, axis=0), axis=0) >= 0).all()


def test_logits_give_their_scores_back():
    np.testing.assert_allclose(1 / (1 + np.exp(-scores_to_logits(SCORES[:, :2], False))), SCORES[:, :2], atol=1e-9)
    assert np.isfinite(scores_to_logits(np.array([[0.0, 1.0]]), False)).all()


@pytest.mark.parametrize(
    ("thresholds", "expected"),
    [
        ((None, 0.25, None), [1, 2, 1]),  # reached in the first and the third
        ((None, None, 0.9), [0, 0, 1]),  # never reached, so the best of the others
        ((0.1, None, 0.5), [0, 2, 0]),  # of two that are reached the higher score
    ],
)
def test_thresholds_of_one_label(thresholds, expected):
    scores = np.array([[0.5, 0.3, 0.2], [0.101, 0.1, 0.8], [0.4, 0.6, 0.0]])
    assert Rule(thresholds=thresholds).decide(scores, True).argmax(axis=1).tolist() == expected


def test_thresholds_of_several_labels():
    found = Rule(thresholds=(0.4, None, 0.1)).decide(SCORES, False)
    assert found.tolist() == [[True, False, True], [False, False, True], [True, True, False]]


def test_costs_by_hand():
    """To miss the third class costs 10: 0.2 x 10 = 2 is more than the 0.8 that deciding it costs."""
    rule = Rule(costs=((0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (10.0, 10.0, 0.0)))
    assert rule.decide(SCORES, True).argmax(axis=1).tolist() == [2, 2, 1]


def test_sets_and_abstention():
    policy = replace(PLAIN, set_thresholds=(0.35,) * 3, abstention="sets")
    found = policy.decide(np.array([[0.5, 0.3, 0.2], [0.34, 0.33, 0.33], [0.4, 0.6, 0.0]]), ONE)
    assert found.sets.tolist() == [[True, False, False], [False] * 3, [True, True, False]]
    assert found.abstains.tolist() == [False, True, True]
    unsure = replace(PLAIN, abstention="confidence", min_confidence=0.6).decide(SCORES, ONE)
    assert unsure.abstains.tolist() == [True, False, False]
    assert not replace(PLAIN, abstention="sets").decide(SCORES, ONE).abstains.any()  # without sets


def test_what_is_far_from_train_by_hand():
    """Twice the limit of 2.0 is above 1; at the limit nothing is flagged."""
    distances = np.array([4.0, 2.0, 0.0], dtype=np.float32)
    found = replace(PLAIN, out_of_distribution=FAR).decide(SCORES, ONE, distances)
    assert found.out_of_distribution.tolist() == [2.0, 1.0, 0.0]
    assert found.abstains.tolist() == [True, False, False]
    assert found.reasons.tolist() == [OUT_OF_DISTRIBUTION, "", ""]
    unsure = replace(PLAIN, out_of_distribution=FAR, abstention="confidence", min_confidence=0.7)
    both = unsure.decide(SCORES, ONE, distances)
    assert both.abstains.tolist() == [True, False, True]  # for its distance, and for its score
    assert both.reasons.tolist() == [OUT_OF_DISTRIBUTION, "", ""]
    only_flags = replace(PLAIN, out_of_distribution=replace(FAR, abstains=False)).decide(SCORES, ONE, distances)
    assert only_flags.out_of_distribution.tolist() == [2.0, 1.0, 0.0]
    assert not only_flags.abstains.any()
    assert only_flags.reasons.tolist() == [""] * 3


def test_without_distances_such_a_policy_decides_nothing():
    with pytest.raises(ValueError, match=r"^this policy flags what is far from train: give it the distance of each"):
        replace(PLAIN, out_of_distribution=FAR).decide(SCORES, ONE)


def test_a_model_registered_with_the_first_version_of_policies_decides_as_before():
    entry = {name: one for name, one in PLAIN.to_json().items() if name != "out_of_distribution"}
    assert Policy.from_json({**entry, "version": 1}, ["a", "b", "c"], "card.json") == PLAIN


def test_the_confidence_of_several_labels_is_that_of_the_least_sure():
    decided = np.array([[True, False, False]])
    assert confidence_of(np.array([[0.9, 0.4, 0.1]]), decided, False).tolist() == [0.6]
    assert confidence_of(np.array([[0.5, 0.3, 0.2]]), decided, True).tolist() == [0.5]


def test_no_sample():
    found = replace(PLAIN, temperatures=(2.0,) * 3, set_thresholds=(0.2,) * 3).decide(np.zeros((0, 3)), ONE)
    assert found.scores.shape == found.decided.shape == found.sets.shape == (0, 3)


@pytest.mark.parametrize(
    "policy",
    [
        PLAIN,
        replace(PLAIN, temperatures=(0.1 + 0.2,) * 3, set_thresholds=(1 / 3, 0.0, 0.7), notes=("a", "b")),
        replace(PLAIN, rule=Rule(thresholds=(None, 0.2, None), note="x")),
        replace(PLAIN, rule=Rule(costs=((0.0, 1.0, 2.0),) * 3), exclusive=False, abstention="sets"),
        replace(PLAIN, out_of_distribution=FAR),
    ],
)
def test_a_file_gives_the_same_policy_back(policy):
    stored = json.loads(json.dumps(policy.to_json()))
    assert Policy.from_json(stored, ["a", "b", "c"], "card.json") == policy


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 3}, r"^card\.json: policy has version 3, expected 2; install the Colibri that wrote it"),
        ({"out_of_distribution": {"limit": 1}}, r"^card\.json: policy cannot be read \(KeyError: 'distance'\)"),
        (
            {"out_of_distribution": {**dataclasses.asdict(FAR), "limit": -1}},
            r"^card\.json: policy has the limit -1\.0 of a distance, expected a number, at least 0; run dvc repro cal",
        ),
        ({"temperatures": [1.0]}, r"^card\.json: policy is for 1 classes, expected 3; run dvc repro calibrate$"),
        ({"temperatures": [1.0, 0.0, 1.0]}, r"^card\.json: policy has a temperature that is not above 0"),
        ({"temperatures": "x"}, r"^card\.json: policy cannot be read \(ValueError: could not convert"),
        ({"abstention": "often"}, r"^card\.json: policy has the abstention 'often', expected never, confidence or"),
        ({"rule": None}, r"^card\.json: policy cannot be read \(TypeError"),
        ({"set_thresholds": [0.5]}, r"^card\.json: policy is for 1 or 3 classes, expected 3"),
    ],
)
def test_what_is_no_policy(change, message):
    with pytest.raises(UserError, match=message):
        Policy.from_json({**PLAIN.to_json(), **change}, ["a", "b", "c"], "card.json")
    with pytest.raises(UserError, match="policy has version None"):
        Policy.from_json([], ["a"], "card.json")
