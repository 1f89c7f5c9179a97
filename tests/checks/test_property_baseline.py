"""All properties together: constructed data with a known answer, luck, several labels, and choices refused."""

import numpy as np
import pytest
from file_options import from_file

from pipeline.checks.property_baseline import PropertyBaseline, _recalls


def check(**changes):
    choices = {"max_skill": 0.5, "alpha": 0.01, "num_permutations": 199, "num_folds": 5, "num_trees": 10}
    return from_file(PropertyBaseline, **{**choices, "max_samples": 10_000, "seed": 0, "on_fail": "warn", **changes})


@pytest.fixture
def apart(make_manifest):
    """The class is whether two properties agree: neither tells it alone."""
    generator = np.random.default_rng(0)
    one, other = generator.integers(0, 2, (2, 200))
    samples = make_manifest(["ab"[int(x)] for x in one == other], prop_one=one * 1.0, prop_other=other * 1.0)
    return samples.assign(group=samples["sample_id"])


def test_two_properties_together_tell_what_neither_does(apart):
    found = check()(apart)
    assert (found.value, found.limit, found.passed) == (1.0, 0.75, False)
    assert found.unit == "balanced accuracy of all properties together (0.5 is chance)"
    assert found.worst == {"a": "recall 1.00", "b": "recall 1.00"}
    assert check()(apart.drop(columns="prop_other")).value < 0.65


def test_chance_of_many_classes(make_manifest):
    generator = np.random.default_rng(0)
    samples = make_manifest("abcde" * 40, prop_one=generator.random(200))
    found = check()(samples.assign(group=samples["sample_id"]))
    assert found.passed
    assert found.limit == pytest.approx(0.2 + 0.5 * 0.8)
    assert found.value == pytest.approx(0.2, abs=0.1)
    assert "(0.2 is chance)" in found.unit


def test_luck_is_accepted_where_it_reaches_further_than_the_limit(apart):
    few = apart.head(8).assign(prop_one=np.arange(8.0))
    assert check(max_skill=0.0)(few).limit > 0.6  # of eight samples, labels at random agree with anything


def test_properties_that_say_nothing(apart, make_manifest):
    found = check()(apart.drop(columns=["prop_one", "prop_other"]))
    assert found.value < 0.55  # a forest that knows nothing answers the class that the other folds have more of
    assert found.obstacle.startswith("No measured property varies")
    alone = make_manifest("aaaa", prop_one=[1.0, 2, 3, 4])
    one_class = check()(alone.assign(group=alone["sample_id"]))  # which cannot be given away
    assert one_class.obstacle.startswith("The labelled pictures have fewer than two labels")


def test_groups_are_kept_together(make_manifest):
    """A property that names the group tells every label within it, and nothing of another group."""
    generator = np.random.default_rng(0)
    group = np.repeat(np.arange(14), 10)
    label = generator.permutation(np.arange(14) % 2)[group]
    samples = make_manifest(["ab"[one] for one in label], prop_one=generator.random(14)[group])
    assert check()(samples.assign(group=samples["sample_id"])).value > 0.9
    assert check()(samples.assign(group=group)).value < 0.7


def test_several_labels_are_each_told(make_manifest):
    rows = np.arange(80)
    labels = [[*(["dim"] if row % 2 else []), "any" if row % 3 else "odd"] for row in rows]
    found = check()(make_manifest(labels, prop_one=(rows % 2) * 1.0).assign(group=rows))
    assert found.worst["dim"] == "accuracy 1.00"
    assert "(0.5 is chance)" in found.unit


def test_recalls_by_hand():
    targets = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=bool)
    decided = np.array([[1, 0], [0, 1], [0, 1], [0, 1]], dtype=bool)
    assert _recalls(targets, decided, True).tolist() == [0.5, 1.0]
    assert _recalls(targets, decided, False).tolist() == [
        0.75,
        0.75,
    ]  # half and all of presence, all and half of absence


def test_the_seed_decides(apart):
    noisy = apart.assign(prop_one=np.random.default_rng(3).random(200))
    assert check()(noisy) == check()(noisy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_skill": 1.1}, r"^max_skill must be 0 to 1, got 1\.1$"),
        ({"alpha": 1}, r"^alpha must be above 0 and below 1, got 1$"),
        ({"num_permutations": 198}, r"^num_permutations must be at least 2 / alpha - 1, got 198$"),
        ({"num_folds": 1}, r"^num_folds must be at least 2, got 1$"),
        ({"num_trees": 0}, r"^num_trees must be at least 1, got 0$"),
        ({"max_samples": 0}, r"^max_samples must be at least 1, got 0$"),
    ],
)
def test_refused_choices(changes, message):
    with pytest.raises(ValueError, match=message):
        check(**changes)
    one_side = _recalls(np.array([[1, 0], [1, 1]], dtype=bool), np.array([[1, 0], [1, 1]], dtype=bool), False)
    assert one_side.tolist() == pytest.approx([np.nan, 1.0], nan_ok=True)  # nobody lacks the first


def test_a_label_on_every_sample_is_left_out(make_manifest):
    rows = np.arange(80)
    labels = [["all", *(["dim"] if row % 2 else [])] for row in rows]
    found = check()(make_manifest(labels, prop_one=(rows % 2) * 1.0).assign(group=rows))
    assert (found.value, found.worst) == (1.0, {"dim": "accuracy 1.00"})


def test_no_forest_counts_less_than_a_guess(make_manifest):
    samples = make_manifest("aabb", prop_one=[1.0, 2, 3, 4]).assign(group=[0, 0, 1, 1])  # never seen in other folds
    found = check()(samples)
    assert (found.value, found.passed) == (0.5, True)


def test_sizes_of_groups_that_go_with_the_class_hide_nothing(make_manifest):
    generator = np.random.default_rng(0)
    group = np.repeat(np.arange(162), [25] * 12 + [1] * 150)
    bad = group < 12
    samples = make_manifest(["bad" if one else "ok" for one in bad], prop_one=bad + generator.normal(0, 0.1, len(bad)))
    found = check(num_permutations=199)(samples.assign(group=group))
    assert found.value > 0.95
    assert not found.passed


@pytest.mark.parametrize("sizes", [[20, 50, 100, 220, 450], [150] * 3])
def test_what_is_told_within_groups_cannot_pass_for_luck(make_manifest, sizes):
    """No two groups, or too few, are of like size: dealt between groups, labels reach the value itself."""
    generator = np.random.default_rng(0)
    group = np.repeat(np.arange(len(sizes)), sizes)
    label = generator.integers(0, 2, len(group))
    samples = make_manifest(["ab"[one] for one in label], prop_one=label + generator.normal(0, 0.2, len(group)))
    found = check()(samples.assign(group=group))
    assert found.limit == 0.75
    assert found.state == "failed"


def test_few_groups_of_one_label_each_leave_nothing_to_judge(make_manifest):
    group = np.repeat(np.arange(6), 20)
    samples = make_manifest(["ab"[one % 2] for one in group], prop_one=group % 2 * 1.0)
    found = check()(samples.assign(group=group))  # 20 ways to deal them, of which two give all away
    assert (found.value, found.state) == (1.0, "cannot_be_judged")
    assert "but 6 groups allow so few permutations of the labels" in found.obstacle
    assert check()(samples.assign(group="one")).obstacle.startswith("All pictures are in one group")


def test_pictures_without_any_label_say_nothing(make_manifest):
    samples = make_manifest("a" * 10, prop_x=np.arange(10.0))
    found = check()(samples.assign(group=samples["sample_id"], labels=[[] for _ in range(10)]))
    assert (found.state, found.worst) == ("cannot_be_judged", {})
