"""One picture, two opinions."""

import pytest
from file_options import from_file
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks.conflicting_labels import ConflictingLabels


def finding(make_manifest, labels, numbers, bits=0, pixels=None, **columns):
    """Of samples with perceptual hashes and pixels (the hashes' own unless given)."""
    hashes = [f"{number:016x}" for number in numbers]
    content = [f"{number:032x}" for number in (range(len(numbers)) if pixels is None else pixels)]
    return ConflictingLabels(near_duplicate_bits=bits, max_samples=0, on_fail="warn")(
        make_manifest(labels, perceptual_hash=hashes, content_hash=content, **columns)
    )


def num_alike(found):
    return found.table[1]["samples"]


def test_the_same_pixels_by_hand(make_manifest):
    found = finding(make_manifest, ["cat", "dog", "cat", "fox"], [7, 7, 9, 2**40], pixels=[1, 1, 3, 4])
    assert (found.value, found.passed, num_alike(found)) == (2.0, False, 0)
    assert found.worst == {"s00": "cat; copy s01 is dog", "s01": "dog; copy s00 is cat"}
    assert found.pictures == {"s00: cat; s01: dog": ["s00", "s01"]}
    assert found.sentence == "2 pictures occur again with other labels, so one of the labels is wrong."


def test_look_alikes_are_shown_and_no_conflict(make_manifest):
    """Two cells of one crystal, of which one has a crack: both labels are right."""
    found = finding(make_manifest, ["cat", "dog", "cat"], [7, 7, 2**40])
    assert (found.value, found.state, num_alike(found)) == (0.0, "passed", 2)
    assert found.worst == {}
    assert found.pictures == {"look-alikes, s00: cat; s01: dog": ["s00", "s01"]}
    assert found.sentence == (
        "No picture occurs twice with different labels. 2 look like a picture with other labels; their pixels differ, "
        "so both labels can be right."
    )
    assert "drop" not in found.advice


def test_a_copy_that_was_changed_is_the_same_picture(make_manifest):
    same = ["s00", "s00", None, None]
    found = finding(make_manifest, ["cat", "dog", "cat", "fox"], [7, 7, 9, 9], same_picture=same)
    assert (found.value, num_alike(found)) == (2.0, 2)
    assert found.sentence.endswith(
        "2 more look like a picture with other labels; their pixels differ, so both labels can be right."
    )


def test_each_conflict_is_shown_once(make_manifest):
    found = finding(
        make_manifest, ["cat", "dog"] * 6, [one // 2 * 2**20 for one in range(12)], pixels=[n // 2 for n in range(12)]
    )
    assert found.value == 12
    assert list(found.pictures) == [f"s{2 * one:02}: cat; s{2 * one + 1:02}: dog" for one in range(4)]
    assert list(found.worst) == [f"s{one:02}" for one in range(4)]


def test_copies_that_agree_and_copies_without_label(make_manifest):
    found = finding(make_manifest, [["cat"], ["cat"], [], [], ["dog"]], [7, 7, 7, 7, 2**40 - 1], pixels=[1, 1, 1, 1, 2])
    assert (found.value, found.passed, found.worst, num_alike(found)) == (0.0, True, {}, 0)


def test_several_labels_are_one_opinion(make_manifest):
    assert finding(make_manifest, [["a", "b"], ["a"]], [7, 7], pixels=[1, 1]).value == 2
    assert finding(make_manifest, [["a", "b"], ["a", "b"]], [7, 7], pixels=[1, 1]).value == 0


def test_near_duplicates_look_alike(make_manifest):
    duplicate = ["s00", "s00", "s02", "s02", None]
    found = finding(
        make_manifest, ["cat", "dog", "cat", "cat", "fox"], [1, 2**20, 2**40, 2**50, 2**60], duplicate=duplicate
    )
    assert (found.value, num_alike(found)) == (0.0, 2)
    assert found.pictures == {"look-alikes, s00: cat; s01: dog": ["s00", "s01"]}


@pytest.mark.parametrize(("bits", "value"), [(0, 0), (1, 2)])
def test_near_copies(make_manifest, bits, value):
    assert num_alike(finding(make_manifest, "ab", [0b10, 0b11], bits)) == value


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sets(st.integers(0, 63), max_size=2).map(lambda bits: sum(1 << bit for bit in bits)),
            st.integers(0, 3),
        ),
        min_size=1,
        max_size=25,
    ),
    st.integers(0, 3),
)
def test_agrees_with_brute_force(make_manifest, samples, bits):
    labels, numbers, pixels = zip(*samples, strict=True)
    same = [one for one in samples if any(one[0] != other[0] and one[2] == other[2] for other in samples)]
    alike = [
        one
        for one in samples
        if one not in same and any(one[0] != other[0] and (one[1] ^ other[1]).bit_count() <= bits for other in samples)
    ]
    found = finding(make_manifest, list(labels), numbers, bits, pixels)
    assert (found.value, num_alike(found)) == (len(same), len(alike))


def test_refused_choices():
    with pytest.raises(ValueError, match=r"near_duplicate_bits must be 0 to 16, got 17"):
        from_file(ConflictingLabels, near_duplicate_bits=17, max_samples=0, on_fail="warn")


def test_a_negative_contradicts_a_copy_with_a_label(make_manifest):
    found = finding(
        make_manifest, [["cat"], [], [], []], [7, 7, 7, 7], pixels=[1] * 4, negative=[False, True, False, False]
    )
    assert found.value == 2
    assert found.worst["s01"] == "none of the labels; copy s00 is cat"
