"""Shares of classes that differ between splits, beyond what chance and few groups explain."""

import numpy as np
import pytest
from file_options import from_file

from pipeline.checks.class_drift import ClassDrift, _correct
from pipeline.core.errors import UserError

CHOICES = {"max_distance": 0.05, "alpha": 0.05, "num_permutations": 199, "seed": 0, "on_fail": "warn"}


def finding(make_manifest, counts, groups=None, **more):
    """Of each split the number of samples of class a and of class b."""
    labels = "".join("a" * a + "b" * b for a, b in counts.values())
    split = [name for name, pair in counts.items() for _ in range(sum(pair))]
    group = [f"g{row}" for row in range(len(labels))] if groups is None else groups
    return ClassDrift(**CHOICES)(make_manifest(labels, split=split, group=group, **more))


def test_a_given_split_with_other_shares_by_hand(make_manifest):
    found = finding(make_manifest, {"train": (360, 40), "val": (75, 25), "test": (50, 50)})
    assert (found.state, found.value) == ("failed", pytest.approx(0.4))
    assert found.worst == {"train and test": 0.4, "val and test": 0.25, "train and val": 0.15}
    assert found.sentence == (
        "The classes are distributed differently in train, val and test: a is 90.0 % of train, 75.0 % of val and "
        "50.0 % of test."
    )
    first = found.table[0]
    assert (first["splits"], first["class"], first["before"], first["after"]) == (
        "train and test",
        "a",
        pytest.approx(0.9),
        0.5,
    )
    assert first["p"] == pytest.approx(3 / 200)  # none of 199 permutations is as far; three pairs of splits


def test_pairs_share_alpha():
    """Of three pairs that may reach .03 one shares alpha at .05, so the others count three times."""
    rows = [[{"p": 0.03, "least_p": 0.03}] for _ in range(3)]
    assert [row["p"] for row in _correct(rows, 0.05)] == pytest.approx([0.03, 0.09, 0.09])
    assert [row["p"] for row in _correct(rows, 0.1)] == pytest.approx([0.09] * 3)


def test_only_the_splits_that_differ_are_named(make_manifest):
    found = finding(make_manifest, {"train": (300, 300), "val": (100, 100), "test": (180, 20)})
    assert found.sentence.startswith("The classes are distributed differently in train, val and test: a is 50.0 %")
    found = finding(make_manifest, {"train": (300, 300), "test": (180, 20)})
    assert found.sentence.startswith("The classes are distributed differently in train and test: a is 50.0 % of train")


def test_equal_shares_pass(make_manifest):
    found = finding(make_manifest, {"train": (300, 100), "val": (75, 25), "test": (75, 25)})
    assert (found.state, found.value, found.obstacle) == ("passed", 0.0, "")


def test_few_groups_cannot_be_judged(make_manifest):
    groups = ["one"] * 40 + ["two"] * 40 + ["three"] * 40 + ["four"] * 40
    found = finding(make_manifest, {"train": (80, 0), "test": (0, 80)}, groups)
    assert (found.state, found.value) == ("cannot_be_judged", 0.0)
    assert found.obstacle.startswith("a is 100.0 % of train and 0.0 % of test, which have so few groups that the smal")


def test_groups_of_one_class_raise_no_alarm(make_manifest):
    """30 groups of 10, each of one class, the larger ones in train: at most 5 % alarms."""
    alarms, sizes = 0, np.array([30] * 6 + [10] * 24)
    group = np.repeat(np.arange(30), sizes)
    split = np.array(["train"] * 14 + ["val"] * 8 + ["test"] * 8)[group]
    for seed in range(40):
        labels = np.random.default_rng(seed).choice(list("ab"), 30)[group]
        samples = make_manifest("".join(labels), split=split, group=group.astype(str))
        alarms += ClassDrift(**CHOICES)(samples).value > 0
    assert alarms <= 5  # more has a chance of 1.4 % at a rate of 5 %


def test_a_rare_label_of_several_is_found(make_manifest):
    labels = [["a", "b"]] * 150 + [["a"]] * 150 + [["a", "b"]] * 10 + [["a"]] * 90
    split = ["train"] * 300 + ["test"] * 100
    found = ClassDrift(**CHOICES)(make_manifest(labels, split=split, group=[f"g{row}" for row in range(400)]))
    assert found.value == pytest.approx(0.4)
    assert "b is 50.0 % of train and 10.0 % of test" in found.sentence


def test_without_labels_there_is_nothing_to_compare(make_manifest):
    found = ClassDrift(**CHOICES)(make_manifest("aaaa", split=["train", "train", "test", "test"], group=list("wxyz")))
    assert (found.state, found.obstacle[:24]) == ("cannot_be_judged", "There are no two splits ")


def test_too_few_permutations_are_refused():
    with pytest.raises(UserError, match="num_permutations must be at least 3 / alpha - 1, got 50"):
        from_file(ClassDrift, **{**CHOICES, "num_permutations": 50})
