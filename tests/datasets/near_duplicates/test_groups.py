"""The fast search for near-duplicates finds what comparing all with all finds."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.datasets.near_duplicates import groups
from pipeline.datasets.near_duplicates.groups import (
    add_duplicate_group,
    connected_groups,
    num_tables,
    pairs_within_hamming,
    shared_key_across,
)

BASES = st.sampled_from([0, 2**64 - 1, 0x0123456789ABCDEF])
FLIPS = st.sets(st.integers(0, 63), max_size=18).map(lambda bits: sum(1 << bit for bit in bits))
HASHES = st.lists(st.builds(lambda base, flips: base ^ flips, BASES, FLIPS), min_size=1, max_size=25)


def digits(numbers):
    return pd.Series([f"{number:016x}" for number in numbers])


def components(pairs, size):
    """The smallest member of each row's component."""
    graph = coo_array((np.ones(len(pairs)), np.reshape(pairs, (-1, 2)).T), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    return [int(np.flatnonzero(label == one)[0]) for one in label]


def pairs_of_all_with_all(numbers, max_bits):
    size = len(numbers)
    return [(a, b) for a in range(size) for b in range(a) if (numbers[a] ^ numbers[b]).bit_count() <= max_bits]


@given(HASHES, st.integers(0, 16))
def test_near_duplicates_agree_with_brute_force(numbers, max_bits):
    pairs = pairs_within_hamming(digits(numbers), max_bits)
    slow = pairs_of_all_with_all(numbers, max_bits)
    assert components(pairs, len(numbers)) == components(slow, len(numbers))
    assert {(max(pair), min(pair)) for pair in pairs.tolist()} <= set(slow)


@pytest.mark.parametrize("max_bits", range(17))
def test_exactly_max_bits_count_and_one_more_does_not(max_bits):
    spread = sum(1 << (64 // 17 * bit) for bit in range(max_bits))  # spread over all of the hash
    dense = (1 << max_bits) - 1  # all in one place
    for flips in (spread, dense):
        assert len(pairs_within_hamming(digits([0, flips]), max_bits)) == 1
        assert len(pairs_within_hamming(digits([0, flips | 1 << 63]), max_bits)) == 0


@pytest.mark.parametrize("tables", range(2, 9))
def test_any_number_of_tables_finds_the_same(monkeypatch, tables):
    generator = np.random.default_rng(tables)
    flips = [sum(1 << int(bit) for bit in generator.choice(64, 6, replace=False)) for _ in range(60)]
    numbers = sorted({0, *flips})
    monkeypatch.setattr(groups, "num_tables", lambda *_: tables)
    for max_bits in (5, 6, 10):
        found = pairs_within_hamming(digits(numbers), max_bits)
        slow = pairs_of_all_with_all(numbers, max_bits)
        assert {(max(pair), min(pair)) for pair in found.tolist()} == set(slow)


def test_tables_fit_the_number_of_hashes():
    """Keys of 16 bits are shared by 15 of a million hashes each, those of 21 bits by hardly any."""
    assert num_tables(10**6, 2) == 3
    assert num_tables(10**6, 1) == 2  # 32 bits each, of which none may differ
    for max_bits in range(1, 17):
        assert max(10**power / 2 ** (64 // num_tables(10**power, max_bits)) for power in range(2, 9)) < 200


def test_equal_hashes_make_a_chain_not_a_clique():
    assert len(pairs_within_hamming(digits([5] * 1000), 2)) == 999


def test_nothing_to_compare():
    assert pairs_within_hamming(digits([]), 2).shape == (0, 2)
    assert pairs_within_hamming(digits([1]), 2).shape == (0, 2)


@pytest.mark.parametrize(
    ("max_bits", "expected"),
    [
        (None, ["s00", "s00", "s00", "s03", "s04", "s05"]),
        (0, ["s00", "s00", "s00", "s00", "s04", "s05"]),
        (1, ["s00", "s00", "s00", "s00", "s00", "s05"]),
    ],
)
def test_joined_by_group_content_hash_and_any_chain(make_manifest, max_bits, expected):
    manifest = make_manifest(
        "aaaaaa",
        group=["g", "g", None, None, None, None],
        content_hash=["0", "1", "1", "2", "3", "4"],
        perceptual_hash=digits([0xFF, 0xF00, 0xF000, 0xF000, 0xF001, 0xF0000]),
    )
    assert connected_groups(manifest, max_bits).tolist() == expected


def test_joined_takes_the_index_of_the_manifest(make_manifest):
    manifest = make_manifest("ab").set_index("sample_id", drop=False)
    assert connected_groups(manifest, 2).to_dict() == {"s00": "s00", "s01": "s01"}


@given(st.data())
def test_joined_is_the_transitive_closure(make_manifest, data):
    numbers = data.draw(HASHES)
    size = len(numbers)
    groups = data.draw(st.lists(st.sampled_from([None, "g", "h"]), min_size=size, max_size=size))
    contents = data.draw(st.lists(st.sampled_from("0123456789"), min_size=size, max_size=size))
    max_bits = data.draw(st.integers(0, 4))
    manifest = make_manifest(["a"] * size, group=groups, content_hash=contents, perceptual_hash=digits(numbers))
    linked = pairs_of_all_with_all(numbers, max_bits) + [
        (a, b)
        for a in range(size)
        for b in range(a)
        if contents[a] == contents[b] or (groups[a] is not None and groups[a] == groups[b])
    ]
    assert connected_groups(manifest, max_bits).tolist() == [f"s{first:02d}" for first in components(linked, size)]


def pairs_of(*pairs):
    return pd.DataFrame(pairs, columns=["left", "right"], dtype="str")


def test_twins_are_named_after_the_smallest_of_their_chain(make_manifest):
    manifest = make_manifest("aaaaaa")
    found = add_duplicate_group(manifest, pairs_of(("s05", "s03"), ("s03", "s04"), ("s00", "s01")))
    assert found["duplicate"].fillna("alone").tolist() == ["s00", "s00", "alone", "s03", "s03", "s03"]
    assert list(manifest) == list(found.drop(columns="duplicate"))


def test_without_pairs_everyone_is_alone(make_manifest):
    found = add_duplicate_group(make_manifest("ab"), pairs_of())
    assert found["duplicate"].isna().all()
    assert connected_groups(found, 2).tolist() == ["s00", "s01"]


def test_twins_are_joined_with_groups_and_hashes(make_manifest):
    manifest = make_manifest("aaaa", group=["g", "g", None, None])
    assert connected_groups(add_duplicate_group(manifest, pairs_of(("s01", "s02"))), 2).tolist() == [
        "s00",
        "s00",
        "s00",
        "s03",
    ]


def test_sharing_by_hand():
    keys = pd.DataFrame({"group": ["g", "g", None, None, "h"], "duplicate": [None, None, "t", "t", "t"]})
    values = np.array(["train", "train", "train", "val", "val"])
    torn, partner = shared_key_across(keys, values)
    assert torn.tolist() == [False, False, True, True, True]
    assert [partner(row) for row in (2, 3, 4)] == [3, 2, 2]
    assert shared_key_across(keys[[]], values)[0].tolist() == [False] * 5
