"""Each sample goes on its own; groups are only recorded."""

import pytest

from pipeline.datasets.splits.random import Random

FRACTIONS = {"train": 0.7, "val": 0.15, "test": 0.15}


def split(manifest, recorded=None, seed=0):
    return Random(fractions=FRACTIONS, max_attribute_values=2, seed=seed)(manifest, recorded)


def test_fractions_are_met_within_each_label_and_attribute(make_manifest):
    manifest = make_manifest("ab" * 40, attr_site=["x", "x", "y", "y"] * 20)
    counted = manifest.assign(split=split(manifest)["split"], label=manifest["labels"].str[0])
    sizes = counted.groupby(["label", "attr_site", "split"]).size().unstack()
    assert sizes[["train", "val", "test"]].to_numpy().tolist() == [[14, 3, 3]] * 4


def test_groups_are_recorded_and_torn(make_manifest):
    result = split(make_manifest("a" * 20, group=["g"] * 20))
    assert result["group"].unique().tolist() == ["s00"]
    assert result["split"].value_counts().to_dict() == {"train": 14, "val": 3, "test": 3}


def test_samples_keep_their_split_when_the_data_grow(make_manifest):
    manifest = make_manifest("ab" * 20)
    first = split(manifest.head(20))
    assert split(manifest, first)["split"].head(20).tolist() == first["split"].tolist()


def test_the_order_of_rows_does_not_matter(make_manifest):
    manifest = make_manifest("ab" * 10)
    assert split(manifest[::-1])["split"].tolist()[::-1] == split(manifest)["split"].tolist()


def test_refused_fractions():
    with pytest.raises(ValueError, match=r"fractions must name exactly"):
        Random(fractions={"train": 1.0}, max_attribute_values=0, seed=0)
