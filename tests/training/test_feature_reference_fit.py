"""What of train a policy compares features with, and the limit of the distance."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from policy_examples import make_policy, policy_options

from pipeline.core.feature_reference import FeatureReference
from pipeline.training.distances.nearest_neighbours import NearestNeighbours
from pipeline.training.feature_reference_fit import NO_FEATURES, choose_evenly, find_limit, fit_reference, flag_far

DISTANCE = NearestNeighbours(k=1)
OPTIONS = policy_options()


def test_a_rare_class_keeps_its_pictures():
    rows = pd.DataFrame({"labels": [["a"]] * 90 + [["b"]] * 6 + [[]] * 4}, index=range(100, 200))
    chosen = choose_evenly(rows, 30)
    assert chosen["labels"].map("".join).value_counts().to_dict() == {"a": 20, "b": 6, "": 4}
    assert chosen.index.is_monotonic_increasing
    pd.testing.assert_frame_equal(chosen, choose_evenly(rows, 30))
    assert len(choose_evenly(rows, 100)) == 100


def test_the_limit_by_hand():
    """Of 99 pictures 1 % of new ones is flagged beyond the farthest, of 199 beyond the one before it."""
    distances = np.arange(199, dtype=np.float32)
    single = [f"g{row}" for row in range(199)]
    assert find_limit(OPTIONS, distances[:99], np.array(single[:99])) == (98.0, [])
    assert find_limit(OPTIONS, distances, np.array(single)) == (197.0, [])
    assert find_limit(policy_options(out_of_distribution_share=0.1), distances[:9], np.array(single[:9])) == (8.0, [])


def test_few_groups_give_the_limit_of_val_and_a_note():
    distances, groups = np.arange(200, dtype=np.float32), np.repeat(["a", "b", "c", "d"], 50)
    limit, (note,) = find_limit(OPTIONS, distances, groups)
    assert limit == 198.0
    assert note == (
        "The limit of the distance is that of the pictures of val alone: to flag at most 1 % of new pictures takes 99 "
        "groups in val, found 4. Pictures of new groups may be flagged more often."
    )
    assert find_limit(policy_options(grouping="pooled"), distances, groups) == (198.0, [])


def test_the_promise_holds_for_new_pictures():
    """Over 200 val sets of 150 pictures, 1 % of new ones or fewer is flagged, and not far fewer."""
    generator = np.random.default_rng(0)
    groups = np.arange(150).astype(str)
    limits = [find_limit(OPTIONS, generator.exponential(size=150), groups)[0] for _ in range(200)]
    assert 0.005 < np.exp(-np.array(limits)).mean() < 0.0115


def test_a_model_without_features_flags_nothing():
    policy = make_policy(2)
    without = flag_far(OPTIONS, policy, None, None, np.array(["a"]))
    assert without.out_of_distribution is None
    assert without.notes == (NO_FEATURES,)
    never = flag_far(policy_options(out_of_distribution="never"), policy, None, None, np.array(["a"]))
    assert never is policy
    packed = SimpleNamespace(index=pd.DataFrame({"split": ["train"] * 3}))
    assert fit_reference(OPTIONS, DISTANCE, object(), packed) is None


@pytest.mark.parametrize("wanted", ["report", "abstain"])
def test_the_policy_names_its_reference(wanted):
    reference = FeatureReference(distance=DISTANCE, fitted={"directions": np.eye(3, dtype=np.float32)})
    distances, groups = np.linspace(0, 1, 100, dtype=np.float32), np.arange(100).astype(str)
    flag = flag_far(
        policy_options(out_of_distribution=wanted), make_policy(2), reference, distances, groups
    ).out_of_distribution
    assert (flag.limit, flag.share, flag.abstains) == (1.0, 0.01, wanted == "abstain")
    assert flag.reference == reference.digest
    assert flag.distance == {
        "_target_": "pipeline.training.distances.nearest_neighbours.NearestNeighbours",
        "k": 1,
    }
