"""Nothing that belongs together crosses from one split to another, now or when the data grow."""

import pandas as pd
import pytest
from file_options import from_file
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import UserError
from pipeline.datasets.splits.grouped import Grouped

FRACTIONS = {"train": 0.6, "val": 0.2, "test": 0.2}
BITS = 2
FAR_APART = [0, 0xFF, 0xFF00, 0xFF0000, 0xFF000000, 0xFF00000000]
SAMPLE = st.tuples(
    st.sampled_from("ab"),
    st.sampled_from([None, None, None, "g", "h", "i"]),
    st.integers(0, 30).map(str),  # content
    st.sampled_from(FAR_APART),
    st.sets(st.integers(40, 63), max_size=4).map(lambda bits: sum(1 << bit for bit in bits)),
)
SAMPLES = st.lists(SAMPLE, min_size=6, max_size=40)


def split(manifest, recorded=None, **changes):
    options = {"fractions": FRACTIONS, "max_attribute_values": 0, "near_duplicate_bits": BITS, "seed": 0, **changes}
    return from_file(Grouped, **options)(manifest, recorded)


def table(make_manifest, samples):
    labels, groups, contents, bases, flips = zip(*samples, strict=True)
    hashes = [f"{base ^ flip:016x}" for base, flip in zip(bases, flips, strict=True)]
    return make_manifest(labels, group=groups, content_hash=contents, perceptual_hash=hashes)


def crossing(manifest, splits):
    """Pairs that belong together and stand in different splits, found by comparing all with all."""
    rows = list(manifest.assign(split=splits["split"].to_numpy()).query("split != 'none'").itertuples())
    return [
        (one.sample_id, two.sample_id)
        for one in rows
        for two in rows
        if one.split != two.split
        and (
            one.content_hash == two.content_hash
            or (isinstance(one.group, str) and one.group == two.group)
            or (int(one.perceptual_hash, 16) ^ int(two.perceptual_hash, 16)).bit_count() <= BITS
        )
    ]


def splits_of(result):
    return dict(zip(result["sample_id"], result["split"], strict=True))


@settings(max_examples=25)
@given(SAMPLES)
def test_nothing_that_belongs_together_crosses(make_manifest, samples):
    manifest = table(make_manifest, samples)
    result = split(manifest)
    assert result["sample_id"].tolist() == manifest["sample_id"].tolist()
    assert set(result["split"]) <= set(FRACTIONS)
    assert crossing(manifest, result) == []


@settings(max_examples=25)
@given(SAMPLES, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(make_manifest, samples, random):
    manifest = table(make_manifest, samples)
    shuffled = manifest.iloc[random.sample(range(len(manifest)), len(manifest))].reset_index(drop=True)
    expected = split(manifest).set_index("sample_id")
    pd.testing.assert_frame_equal(split(shuffled).set_index("sample_id").loc[expected.index], expected)


@settings(max_examples=25)
@given(SAMPLES, st.lists(st.integers(1, 39), min_size=1, max_size=3))
def test_samples_keep_their_split_when_the_data_grow(make_manifest, samples, sizes):
    manifest = table(make_manifest, samples)
    recorded = None
    for size in [*sorted(sizes), len(manifest)]:
        grown = manifest.head(size)
        result = split(grown, recorded)
        before = splits_of(recorded) if recorded is not None else {}
        assert {name: splits_of(result)[name] for name in before} == before
        assert crossing(grown, result) == []
        recorded = result


@pytest.fixture
def recorded():
    """Ten samples of a first run; s00 in train, s09 in test."""
    names = [f"s{position:02d}" for position in range(10)]
    return pd.DataFrame({"sample_id": names, "split": ["train"] * 6 + ["val"] * 2 + ["test"] * 2, "group": names})


def grown(make_manifest, *hashes, **columns):
    """The ten samples, s00 with hash 0 and s09 with hash 0b1111, and new ones with the given hashes."""
    manifest = make_manifest("ab" * 5 + "a" * len(hashes), **columns)
    for position, value in {0: 0, 9: 0b1111, **dict(enumerate(hashes, start=10))}.items():
        manifest.loc[position, "perceptual_hash"] = f"{value:016x}"
    return manifest


def test_a_new_near_duplicate_joins_its_twin(make_manifest, recorded):
    result = split(grown(make_manifest, 0b1, 0b11111), recorded)
    assert result["split"].tolist() == [*recorded["split"], "train", "test"]
    assert result["group"].tolist()[-2:] == ["s00", "s09"]


def test_a_new_member_joins_its_group(make_manifest, recorded):
    result = split(grown(make_manifest, 0xFF00, group=[None] * 9 + ["g", "g"]), recorded)
    assert result["split"].iloc[-1] == "test"


def test_a_bridge_between_two_splits_takes_part_in_none_and_still_does_next_time(make_manifest, recorded):
    manifest = grown(make_manifest, 0b0011)  # two bits from s00, two from s09
    for _ in range(3):
        recorded = split(manifest, recorded)
        assert splits_of(recorded)["s10"] == "none"
        assert splits_of(recorded)["s00"] == "train"
        assert splits_of(recorded)["s09"] == "test"
        assert crossing(manifest, recorded) == []
        assert recorded["group"].is_unique


def test_without_a_bridge_the_sample_that_was_in_none_takes_part(make_manifest, recorded):
    manifest = grown(make_manifest, 0b0011)
    bridged = split(manifest, recorded)
    assert splits_of(split(manifest.drop(9), bridged))["s10"] == "train"


def test_null_compares_no_hashes(make_manifest):
    manifest = make_manifest("a" * 10, perceptual_hash=["0" * 16] * 10)
    assert set(split(manifest, near_duplicate_bits=None)["split"]) == set(FRACTIONS)
    assert split(manifest)["split"].nunique() == 1


def test_recorded_samples_that_now_belong_together_are_torn(make_manifest, recorded):
    manifest = grown(make_manifest, group=["g"] + [None] * 8 + ["g"])
    with pytest.raises(UserError, match=r"group 's00' belong together now .*\['test', 'train'\]; undo the change"):
        split(manifest, recorded)


def test_unlabelled_samples_take_part_in_none(make_manifest):
    assert split(make_manifest([*"ababababab", []]))["split"].iloc[-1] == "none"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"near_duplicate_bits": 17}, r"near_duplicate_bits must be null or 0 to 16, got 17"),
        ({"near_duplicate_bits": -1}, r"near_duplicate_bits must be null or 0 to 16, got -1"),
        ({"fractions": {"train": 1.0}}, r"fractions must name exactly"),
    ],
)
def test_refused_choices(make_manifest, changes, message):
    with pytest.raises(ValueError, match=message):
        split(make_manifest("ab"), **changes)


def test_negatives_are_spread_like_a_label_and_unlabelled_ones_take_part_in_no_split(make_manifest):
    manifest = make_manifest([["a"]] * 20 + [["b"]] * 20 + [[]] * 25, negative=[False] * 40 + [True] * 20 + [False] * 5)
    found = split(manifest)["split"]
    assert found[:20].value_counts().to_dict() == {"train": 12, "val": 4, "test": 4}
    assert found[40:60].value_counts().to_dict() == {"train": 12, "val": 4, "test": 4}
    assert set(found[60:]) == {"none"}
