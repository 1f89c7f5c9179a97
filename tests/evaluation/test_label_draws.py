"""Which labels a draw has: as many of each class as wanted, group by group, nested; and what is too few."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.label_draws import draw_subsets, find_shortage


@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(1, 8))
def test_each_class_has_as_many_and_subsets_are_nested(seed: int, num_classes: int, size: int) -> None:
    generator = np.random.default_rng(seed)
    codes = np.concatenate([np.repeat(np.arange(num_classes), 2 * size), generator.integers(num_classes, size=30)])
    groups = generator.integers(5, size=len(codes))
    found = draw_subsets(codes, groups, [size, 2 * size], 3, seed)
    for small, large in zip(found[size], found[2 * size], strict=True):
        assert np.bincount(codes[small]).tolist() == [size] * num_classes
        assert np.bincount(codes[large]).tolist() == [2 * size] * num_classes
        assert set(small) <= set(large)
        assert (np.diff(small) > 0).all()


def test_groups_are_labelled_whole_but_for_the_last() -> None:
    codes, groups = np.zeros(60, dtype=int), np.repeat(np.arange(6), 10)
    for rows in draw_subsets(codes, groups, [25], 20, 0)[25]:
        counts = np.bincount(groups[rows], minlength=6)
        assert sorted(counts.tolist()) == [0, 0, 0, 5, 10, 10]
    orders = {tuple(rows) for rows in draw_subsets(codes, groups, [25], 20, 0)[25]}
    assert len(orders) == 20


def test_without_groups_the_first_and_the_last_sample_are_as_likely() -> None:
    codes = np.zeros(20, dtype=int)
    found = draw_subsets(codes, np.arange(20), [5], 1000, 0)[5]
    counts = np.bincount(np.concatenate(found), minlength=20)
    assert np.abs(counts - 250).max() < 70  # 5 standard deviations


def test_a_seed_fixes_the_draws() -> None:
    codes, groups = np.arange(40) % 2, np.arange(40)
    first, again, other = (draw_subsets(codes, groups, [5], 4, seed)[5] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_class_with_too_few_labels_is_named() -> None:
    codes = np.array([0] * 10 + [1] * 4 + [2] * 3)
    assert find_shortage(codes, ["a", "b", "c"], 3) == ""
    assert find_shortage(codes, ["a", "b", "c"], 4) == "class c has 3 labels in train, fewer than 4"
    assert find_shortage(codes, ["a", "b", "c", "d"], 5) == (
        "class d has 0 labels in train, fewer than 5, and 2 more classes have too few"
    )
