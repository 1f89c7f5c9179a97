"""Over all folds each sample is in test once, and nothing that belongs together crosses within a fold."""

import pandas as pd
import pytest
from file_options import from_file
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import UserError
from pipeline.datasets.splits.fold import Fold

OPTIONS = {"fold": 0, "num_folds": 5, "repeat": 0, "val_fraction": 0.15}
OPTIONS |= {"max_attribute_values": 0, "near_duplicate_bits": None, "seed": 0}


def split(manifest, recorded=None, **changes):
    return from_file(Fold, **{**OPTIONS, **changes})(manifest, recorded)


def folds_of(manifest, num_folds, **changes):
    """A column per fold with the split of each sample."""
    return pd.DataFrame(
        {number: split(manifest, fold=number, num_folds=num_folds, **changes)["split"] for number in range(num_folds)}
    )


def test_ten_groups_in_five_folds_are_even(make_manifest):
    # 10 groups of 4, two labels each half: each fold is 2 groups with 4 samples of each label
    groups = [f"g{number // 4}" for number in range(40)]
    labels = ["a", "a", "b", "b"] * 10
    table = folds_of(make_manifest(labels, group=groups), 5)
    assert ((table == "test").sum(axis=1) == 1).all()
    for number in range(5):
        tested = table.index[table[number] == "test"]
        assert len(tested) == 8
        assert [labels[row] for row in tested].count("a") == 4
        # 15 % of 32 is 4.8: of whole groups of 4 one is nearest
        assert (table[number] == "val").sum() == 4


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 11)), min_size=30, max_size=60),
    st.integers(2, 4),
    st.integers(0, 2),
)
def test_each_sample_is_tested_once_and_groups_stay_whole(make_manifest, samples, num_folds, repeat):
    groups = [f"g{group}" for _, group in samples]
    if len(set(groups)) < 8:
        return
    manifest = make_manifest([label for label, _ in samples], group=groups)
    table = folds_of(manifest, num_folds, repeat=repeat)
    assert ((table == "test").sum(axis=1) == 1).all()
    for number in range(num_folds):
        assert set(table[number]) == {"train", "val", "test"}
        assert table[number].groupby(groups).nunique().max() == 1


def test_near_duplicates_are_in_one_fold(make_manifest):
    hashes = [f"{(0xFF << 8 * (number % 7)) | 0:016x}" for number in range(20)]  # 7 different ones
    manifest = make_manifest("ab" * 10, perceptual_hash=hashes)
    table = folds_of(manifest, 3, near_duplicate_bits=2)
    assert table.groupby(hashes).nunique().to_numpy().max() == 1
    assert ((table == "test").sum(axis=1) == 1).all()


def test_another_repeat_is_another_division_also_of_groups_that_all_differ_in_size(make_manifest):
    groups = [f"g{number}" for number in range(1, 13) for _ in range(number)]
    manifest = make_manifest(["a" if row % 3 else "b" for row in range(len(groups))], group=groups)
    tested = {
        frozenset(frozenset(table.index[table[number] == "test"]) for number in range(4))
        for table in (folds_of(manifest, 4, repeat=repeat) for repeat in range(4))
    }
    assert len(tested) >= 3


def test_an_earlier_assignment_does_not_count(make_manifest):
    """A new sample would be in test of two folds, or of none."""
    small, large = (make_manifest("ab" * half) for half in (10, 12))
    earlier = split(small, fold=0, num_folds=4)
    assert split(large, earlier, fold=0, num_folds=4).equals(split(large, None, fold=0, num_folds=4))


def test_val_has_the_smallest_group_where_all_are_large(make_manifest):
    groups = [*("a" * 10), *("b" * 10), *("c" * 9), *("d" * 10)]  # 15 % of 29 or 30 is less than half of a group
    table = folds_of(make_manifest("xy" * 19 + "x", group=groups), 4)
    for number in range(4):
        of_split = {
            split: name for name, split in zip(groups, table[number], strict=True)
        }  # one group in each but train
        assert of_split["val"] == ("a" if of_split["test"] == "c" else "c")


def test_a_sample_without_a_label_is_in_no_fold(make_manifest):
    manifest = make_manifest([["a"], ["b"], []] * 8)
    table = folds_of(manifest, 3)
    assert (table[[row % 3 == 2 for row in range(24)]] == "none").all(axis=None)


@pytest.mark.parametrize(
    ("groups", "num_folds", "expected"),
    [
        (
            "aabbccdd",
            5,
            r"^5 folds, each with a val of its own, need at least 5 groups of labelled samples, found 4; set",
        ),
        (
            "aaaabbbb",
            2,
            r"^2 folds, each with a val of its own, need at least 4 groups of labelled samples, found 2; set",
        ),
    ],
)
def test_too_few_groups_are_refused(make_manifest, groups, num_folds, expected):
    with pytest.raises(UserError, match=expected):
        split(make_manifest("xy" * 4, group=list(groups)), num_folds=num_folds)


def test_an_empty_fold_is_refused(make_manifest, monkeypatch):
    from pipeline.datasets.splits import fold

    monkeypatch.setattr(fold, "assign", lambda strata, *rest, **more: pd.Series("0", index=strata.index))
    with pytest.raises(UserError, match=r"^fold 1 is empty, since a few large groups fill the others; set split"):
        split(make_manifest("xy" * 4), fold=1)


def test_a_fold_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"^fold must be below num_folds \(5\), since the first is 0; got 5$"):
        from_file(Fold, **{**OPTIONS, "fold": 5})
