"""Samples of val and test that another split knows, counted as comparing all with all counts them."""

import pytest
from file_options import from_file
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks.split_leakage import SplitLeakage

SPLITS = ("train", "val", "test", "none")


def finding(make_manifest, split, bits=2, max_samples=0, **columns):
    samples = make_manifest("a" * len(split), split=split, **columns).rename(columns={"group": "source_group"})
    return SplitLeakage(near_duplicate_bits=bits, max_samples=max_samples, on_fail="error")(samples)


def digits(numbers):
    return [f"{number:016x}" for number in numbers]


def test_nothing_in_common(make_manifest):
    found = finding(make_manifest, ["train", "val", "test"])
    assert (found.value, found.limit, found.worst, found.passed) == (0.0, 0.0, {}, True)


@pytest.mark.parametrize("column", ["group", "content_hash", "duplicate"])
def test_a_shared_key_by_hand(make_manifest, column):
    split = ["train", "train", "val", "test", "test", "none"]
    found = finding(make_manifest, split, **{column: ["g", "h", "g", "g", "i", "i"]})
    assert (found.value, found.passed) == (2.0, False)
    assert found.worst == {"s02": "val", "s03": "test"}


def test_the_pool_counts_as_train(make_manifest):
    """A pretraining learns from both: what is like train is no leak, what is like val or test is."""
    split = ["train", "val", "test", "pool", "pool", "pool"]
    found = finding(make_manifest, split, group=["g", "h", None, "g", "h", None])
    assert (found.value, found.worst) == (1.0, {"s01": "val"})
    hashes = digits([0, 0xFF, 0xFF00, 0xFF0000, 0b1, 0xFF00 + 1])
    found = finding(make_manifest, split, perceptual_hash=hashes)
    assert (found.value, found.worst) == (1.0, {"s02": "test; like s05 in pool"})


def test_missing_groups_are_nothing_shared(make_manifest):
    assert finding(make_manifest, ["train", "test"], group=[None, None]).value == 0


@pytest.mark.parametrize(
    ("bits", "worst"),
    [
        (1, {}),
        (2, {"s01": "val; like s00 in train"}),
        (3, {"s01": "val; like s00 in train", "s02": "test; like s00 in train"}),
    ],
)
def test_near_duplicates_by_hand(make_manifest, bits, worst):
    hashes = digits([0, 0b11, 0b11100, 0xFF00])  # 0 in train; the others are 2, 3 and 8 bits from it
    found = finding(make_manifest, ["train", "val", "test", "test"], bits=bits, perceptual_hash=hashes)
    assert (found.value, found.worst) == (len(worst), worst)


@pytest.mark.parametrize("hashes", [[7, 7, 7, 7], [6, 6, 7, 7], [6, 7, 5, 7]])
def test_every_copy_counts(make_manifest, hashes):
    """Two pictures of test resemble one of train, and the search for pairs names only one of them."""
    found = finding(make_manifest, ["test", "test", "train", "train"], perceptual_hash=digits(hashes))
    assert found.value == 2
    assert all(name in ("s00", "s01") and text.endswith("in train") for name, text in found.worst.items())


def test_the_pictures_show_who_is_like_whom(make_manifest):
    found = finding(make_manifest, ["train", "val", "test"], perceptual_hash=digits([0, 0xFF00, 1]))
    assert found.pictures == {"s02 in test, s00 in train": ["s02", "s00"]}
    assert found.sentence.startswith("1 of 2 pictures of validation and test")
    found = finding(make_manifest, ["train", "val", "test"], group=["g", "h", "g"])
    assert found.pictures == {"s02 in test, s00 in train": ["s02", "s00"]}


def test_a_twin_in_another_split_is_shown_beside_it(make_manifest):
    found = finding(make_manifest, ["train", "val", "test", "test"], duplicate=["s00", None, "s00", None])
    assert (found.value, found.passed, found.worst) == (1.0, False, {"s02": "test"})
    assert found.pictures == {"s02 in test, s00 in train": ["s02", "s00"]}


def test_a_group_is_shown_once_with_each_of_its_splits(make_manifest):
    found = finding(make_manifest, ["train"] * 9 + ["val", "test", "train"], group=[*"g" * 11, "h"])
    shown = ["s10", "s09", *[f"s{one:02}" for one in range(6)]]
    assert found.pictures == {"s10 in test, s09 in val and 9 more": shown}
    assert list(found.worst) == ["s09", "s10"]


def test_a_chain_of_likeness_is_one_group(make_manifest):
    columns = {"duplicate": ["s00", "s00", None, None], "content_hash": ["x", "y", "y", "z"]}
    found = finding(make_manifest, ["test", "train", "val", "train"], **columns)
    assert found.pictures == {"s00 in test, s02 in val and 1 more": ["s00", "s02", "s01"]}


@pytest.mark.parametrize(("max_samples", "passed"), [(0, False), (1, True)])
def test_passes_at_its_limit(make_manifest, max_samples, passed):
    found = finding(make_manifest, ["train", "test"], max_samples=max_samples, group=["g", "g"])
    assert (found.value, found.limit, found.passed) == (1.0, max_samples, passed)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(SPLITS),
            st.sampled_from([None, None, "g", "h"]),
            st.integers(0, 40).map(str),
            st.sets(st.integers(0, 63), max_size=2).map(lambda bits: sum(1 << bit for bit in bits)),
        ),
        min_size=1,
        max_size=30,
    ),
    st.integers(0, 4),
)
def test_agrees_with_brute_force(make_manifest, samples, bits):
    split, groups, contents, numbers = (list(column) for column in zip(*samples, strict=True))
    found = finding(
        make_manifest, split, bits=bits, group=groups, content_hash=contents, perceptual_hash=digits(numbers)
    )
    placed = [sample for sample in samples if sample[0] != "none"]
    leaking = [
        sample
        for sample in placed
        if sample[0] != "train"
        and any(
            sample[0] != other[0]
            and (
                (sample[1] is not None and sample[1] == other[1])
                or sample[2] == other[2]
                or (sample[3] ^ other[3]).bit_count() <= bits
            )
            for other in placed
        )
    ]
    assert found.value == len(leaking)
    assert bool(found.worst) == bool(leaking)


@pytest.mark.parametrize("bits", [-1, 17])
def test_refused_choices(bits):
    with pytest.raises(ValueError, match=rf"near_duplicate_bits must be 0 to 16, got {bits}"):
        from_file(SplitLeakage, near_duplicate_bits=bits, max_samples=0, on_fail="error")
