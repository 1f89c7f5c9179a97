"""The given split is kept, what it lacks is carved out of train, and what it leaks is recorded."""

import pandas as pd
import pytest
from file_options import from_file
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks.split_leakage import SplitLeakage
from pipeline.core.errors import UserError
from pipeline.datasets.splits.given import Given

FRACTIONS = {"train": 0.6, "val": 0.2, "test": 0.2}


def split(manifest, recorded=None, **changes):
    options = {"fractions": FRACTIONS, "max_attribute_values": 0, "near_duplicate_bits": 2, "seed": 0, **changes}
    return from_file(Given, **options)(manifest, recorded)


def test_every_sample_keeps_what_was_given(make_manifest):
    told = ["train", "test", "val", None, "train"]
    manifest = make_manifest(["a", "b", "a", "b", []], given_split=pd.Series(told, dtype="str"))
    result = split(manifest)
    assert list(result) == ["sample_id", "split", "group"]
    assert result["split"].tolist() == ["train", "test", "val", "none", "none"]
    pd.testing.assert_frame_equal(split(manifest, result), result)


def test_what_the_given_split_leaks_is_reported(make_manifest):
    manifest = make_manifest("abab", given_split=["train", "val", "test", "train"], group=["g", "h", "g", None])
    manifest.loc[3, "content_hash"] = manifest.loc[1, "content_hash"]
    result = split(manifest)
    assert result["group"].tolist() == ["s00", "s01", "s00", "s01"]
    samples = manifest.rename(columns={"group": "source_group"}).merge(result, on="sample_id")
    check = SplitLeakage(near_duplicate_bits=2, max_samples=0, on_fail="error")
    assert check(samples).value == 2


def test_both_are_carved_out_of_train_in_proportion(make_manifest):
    result = split(make_manifest("ab" * 20, given_split=["train"] * 40, group=[f"g{n // 4}" for n in range(40)]))
    assert result["split"].value_counts().to_dict() == {"train": 24, "val": 8, "test": 8}
    assert result.groupby("group")["split"].nunique().max() == 1


def test_val_alone_is_carved_out_of_train(make_manifest):
    manifest = make_manifest("ab" * 25, given_split=["train"] * 40 + ["test"] * 8 + [None] * 2)
    result = split(manifest)
    assert result["split"].tolist()[40:] == ["test"] * 8 + ["none"] * 2
    sizes = result["split"].head(40).value_counts().to_dict()
    assert sizes == {"train": 30, "val": 10}  # 0.6 to 0.2
    counted = manifest["labels"].str[0].head(40).groupby(result["split"].head(40)).value_counts()
    assert counted["val"].to_dict() == {"a": 5, "b": 5}


def test_samples_that_were_carved_out_keep_their_place(make_manifest):
    manifest = make_manifest("ab" * 30, given_split=["train"] * 60)
    first = split(manifest.head(40))
    assert split(manifest, first)["split"].head(40).tolist() == first["split"].tolist()
    now_given = manifest.assign(given_split=["train"] * 58 + ["test"] * 2)
    result = split(now_given, first)
    assert result["split"].tolist()[58:] == ["test", "test"]
    kept = first["split"].isin(["train", "val"])
    assert result["split"].head(40)[kept].tolist() == first["split"][kept].tolist()


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["train", "val", "test", None])), min_size=1, max_size=30)
)
def test_what_is_given_to_val_and_test_never_moves(make_manifest, samples):
    told = [one for _, one in samples]
    manifest = make_manifest([label for label, _ in samples], given_split=pd.Series(told, dtype="str"))
    if "train" not in told:
        with pytest.raises(UserError, match=r"gives no labelled sample to train"):
            split(manifest)
        return
    result = split(manifest)["split"].tolist()
    for before, after in zip(told, result, strict=True):
        assert after == (before or "none") or (before == "train" and after not in told and after != "none")


def test_a_source_without_a_split(make_manifest):
    with pytest.raises(UserError, match=r"the source gives no split, so split=given has nothing to keep; use split=gr"):
        split(make_manifest("ab"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"near_duplicate_bits": 17}, r"near_duplicate_bits must be null or 0 to 16, got 17"),
        ({"fractions": {"train": 1.0}}, r"fractions must name exactly"),
    ],
)
def test_refused_choices(make_manifest, changes, message):
    with pytest.raises(ValueError, match=message):
        split(make_manifest("ab"), **changes)


def test_negatives_keep_what_was_given_and_unlabelled_ones_do_not(make_manifest):
    told = ["train", "test", "val", "train", "train"]
    manifest = make_manifest(["a", "b", [], [], "a"], given_split=told, negative=[False, False, True, False, False])
    assert split(manifest)["split"].tolist() == ["train", "test", "val", "none", "train"]
