"""What is packed, what is copied, and that a picture is still the one that was ingested."""

import numpy as np
import pandas as pd
import pytest
import torch
from file_options import from_file

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.datasets import packing
from pipeline.datasets.packing import (
    Packing,
    assigned_rows,
    augment_copies,
    draw_preview,
    labelled_digest,
    oversampled_rows,
    packed_columns,
)
from pipeline.stages import augment
from pipeline.training.augmentations.exposure import Exposure
from pipeline.training.augmentations.orthogonal import Orthogonal

PACKING = {"image_size": 8, "margin": 0.0, "fit": "crop", "min_class_share": None, "seed": 0}
NO_PAIRS = pd.DataFrame({"left": [], "right": []})
POLICY = [
    Orthogonal(horizontal_flip=True, vertical_flip=True, transpose=False),
    Exposure(max_brightness=0.2, max_contrast=0.2),
]


@pytest.fixture
def rows(make_manifest):
    """Five a, two b and one c in train, in this order; then one of each in test."""
    manifest = make_manifest("aaaaabbcabc")
    splits = pd.DataFrame({"sample_id": manifest["sample_id"], "split": ["train"] * 8 + ["test"] * 3, "group": "g"})
    return assigned_rows(manifest, splits, NO_PAIRS)


def copies(extra):
    return extra["labels"].str[0].value_counts().to_dict()


def test_train_comes_first_otherwise_the_order_of_the_manifest_stays(make_manifest):
    manifest = make_manifest(
        "abab", group=["told", None, None, None], attr_site=list("wxyz"), prop_brightness=[0.1, 0.2, 0.3, 0.4]
    )
    splits = pd.DataFrame(
        {"sample_id": ["s03", "s02", "s01", "s00"], "split": ["train", "none", "train", "test"], "group": list("ABCD")}
    )
    found = assigned_rows(manifest, splits, NO_PAIRS)
    assert found["sample_id"].tolist() == ["s01", "s03", "s00"]
    assert found["split"].tolist() == ["train", "train", "test"]
    assert found["group"].tolist() == ["C", "A", "D"]  # the joined group, not the told one
    assert found["origin"].tolist() == found["sample_id"].tolist()
    assert found.index.tolist() == [0, 1, 2]
    kept = ["sample_id", "origin", "split", "labels", "group", "content_hash", "attr_site", "prop_brightness"]
    assert list(packed_columns(found)) == kept


def test_the_pool_comes_last_and_only_where_it_is_wanted(make_manifest):
    manifest = make_manifest([[], "a", "b", [], "a"], group=["told", None, None, "told", None])
    splits = pd.DataFrame(
        {"sample_id": manifest["sample_id"], "split": ["pool", "val", "train", "pool", "test"], "group": list("ABCDE")}
    )
    found = assigned_rows(manifest, splits, NO_PAIRS, with_pool=True)
    assert found["sample_id"].tolist() == ["s02", "s01", "s04", "s00", "s03"]
    assert found["photograph"].tolist() == ["s02", "s01", "s04", "s00", "s03"]
    assert list(packed_columns(found))[:6] == ["sample_id", "origin", "split", "labels", "group", "photograph"]
    without = assigned_rows(manifest, splits, NO_PAIRS)
    pd.testing.assert_frame_equal(without, found.head(3).drop(columns="photograph"))
    assert labelled_digest(found) == artifacts.table_digest(packed_columns(without))  # a pretraining changes no data


def test_val_comes_between_train_and_test(make_manifest):
    manifest = make_manifest("abc")
    splits = pd.DataFrame({"sample_id": manifest["sample_id"], "split": ["test", "val", "train"], "group": "g"})
    assert assigned_rows(manifest, splits, NO_PAIRS)["split"].tolist() == ["train", "val", "test"]


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (None, {}),
        (0.1, {}),  # at least 0.5, that is 1 of each: all have it
        (0.4, {"c": 1}),  # at least 2
        (0.5, {"b": 1, "c": 2}),  # at least 2.5, that is 3
        (1.0, {"b": 3, "c": 4}),
    ],
)
def test_small_classes_reach_their_share_of_the_largest(rows, share, expected):
    extra = oversampled_rows(rows, share, seed=0)
    assert copies(extra) == expected
    assert (extra["split"] == "train").all()


def test_copies_are_spread_evenly_and_named_after_their_origin(rows):
    extra = oversampled_rows(rows, 1.0, seed=0)
    assert sorted(extra["origin"].value_counts().to_dict().items()) in (
        [("s05", 1), ("s06", 2), ("s07", 4)],
        [("s05", 2), ("s06", 1), ("s07", 4)],
    )
    assert sorted(extra["sample_id"][extra["origin"] == "s07"]) == [f"s07#extra{number}" for number in range(4)]
    assert extra["sample_id"].is_unique
    assert rows.loc[extra["position"], "sample_id"].tolist() == extra["origin"].tolist()
    assert extra["labels"].tolist() == rows.loc[extra["position"], "labels"].tolist()


@pytest.mark.parametrize(
    ("labels", "share", "expected"),
    [
        # a 6, b 1, c 1 in train; b's copies bring c along, so c gets none of its own
        ([["a"]] * 6 + [["b", "c"]], 0.5, {"b": 3, "c": 3}),
        # b comes with a only: its copies make a larger too, and it stops at the share of what a was before
        ([["a"]] * 5 + [["a", "b"]], 1.0, {"a": 11, "b": 6}),
        # c is on one of the three samples of b; which of b's are copied is drawn, c gets what is then missing
        ([["a"]] * 6 + [["b", "c"], ["b"], ["b"]], 1.0, None),
        ([["a", "b"]] * 4, 1.0, {"a": 4, "b": 4}),
    ],
)
def test_a_copy_counts_for_each_of_its_labels(make_manifest, labels, share, expected):
    manifest = make_manifest(labels)
    splits = pd.DataFrame({"sample_id": manifest["sample_id"], "split": "train", "group": "g"})
    rows = assigned_rows(manifest, splits, NO_PAIRS)
    extra = oversampled_rows(rows, share, seed=0)
    sizes = pd.concat([rows, extra])["labels"].explode().value_counts().to_dict()
    wanted = int(np.ceil(share * rows["labels"].explode().value_counts().max()))
    assert min(sizes.values()) >= wanted
    assert len(extra) <= wanted * len(sizes)
    if expected is not None:
        assert {name: sizes[name] for name in expected} == expected


def test_only_train_is_copied_though_a_class_is_rarer_elsewhere(rows):
    assert set(oversampled_rows(rows, 1.0, seed=0)["origin"]) == {"s05", "s06", "s07"}


def test_the_seed_decides_which_are_copied(make_manifest):
    manifest = make_manifest("a" * 20 + "b" * 10)
    splits = pd.DataFrame({"sample_id": manifest["sample_id"], "split": "train", "group": "g"})
    rows = assigned_rows(manifest, splits, NO_PAIRS)
    chosen = [oversampled_rows(rows, 0.75, seed)["origin"].tolist() for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]
    assert all(len(set(one)) == 5 for one in chosen)


def test_extra_copies_are_augmented_by_the_seed(noise):
    images = np.stack([noise(seed, 8, 8) for seed in range(3)])
    extra = pd.DataFrame({"position": [2, 0, 2]})
    drawn = [list(augment_copies(images, extra, POLICY, seed)) for seed in (0, 0, 1)]
    assert all(one.shape == (8, 8, 3) and one.dtype == np.uint8 for one in drawn[0])
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    assert not np.array_equal(drawn[0][0], drawn[0][2])  # the same origin twice, by two draws
    np.testing.assert_array_equal(list(augment_copies(images, extra, [], 0)), images[[2, 0, 2]])


def test_extra_copies_are_the_policy_applied_with_one_generator(noise):
    images = np.stack([noise(seed, 8, 8) for seed in range(2)])
    generator = torch.Generator().manual_seed(4)
    for position, found in zip(
        [1, 0], augment_copies(images, pd.DataFrame({"position": [1, 0]}), POLICY, 4), strict=True
    ):
        batch = torch.from_numpy(images[position : position + 1]).permute(0, 3, 1, 2)
        for augmentation in POLICY:
            batch = augmentation(batch, generator)
        np.testing.assert_array_equal(found, batch[0].permute(1, 2, 0))


def test_the_preview_has_a_row_per_class_that_starts_with_the_picture_itself(rows, noise):
    images = np.stack([noise(seed, 8, 8) for seed in range(len(rows))])
    found = draw_preview(images, rows, POLICY, 0)
    assert found.shape == (3 * 12 + 4, 8 * 12 + 4, 3)
    for line, position in enumerate((0, 5, 7)):  # the first a, b and c of train
        top = 4 + 12 * line
        np.testing.assert_array_equal(found[top : top + 8, 4:12], images[position])
    np.testing.assert_array_equal(found, draw_preview(images, rows, POLICY, 0))


def test_the_preview_stops_at_some_classes(monkeypatch, rows, noise):
    monkeypatch.setattr(packing, "PREVIEW_CLASSES", 2)
    images = np.stack([noise(seed, 8, 8, 1)[:, :, None] for seed in range(len(rows))])
    assert draw_preview(images, rows, POLICY, 0).shape == (2 * 12 + 4, 8 * 12 + 4, 3)


def test_an_augmentation_of_other_axes_stops_the_stage_before_anything_is_packed(ingested, monkeypatch):
    ingested("augmentation=[flips]")
    monkeypatch.setattr(Orthogonal, "spatial_rank", 3)
    message = r"^params\.yaml: augmentation\.flips takes samples with 3 spatial axes, but the stored samples have 2 \("
    with pytest.raises(UserError, match=message):
        augment.main()
    assert not artifacts.PACKED.exists()


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"image_size": 7}, r"^image_size with its margin must be 8 to 4096, got 7 and 0\.0$"),
        ({"image_size": 4097}, r"^image_size with its margin must be 8 to 4096, got 4097 and 0\.0$"),
        ({"image_size": 4000, "margin": 0.1}, r"^image_size with its margin must be 8 to 4096, got 4000 and 0\.1$"),
        ({"margin": -0.1}, r"^margin must be 0 to 1, got -0\.1$"),
        ({"margin": 1.5}, r"^margin must be 0 to 1, got 1\.5$"),
        ({"fit": "zoom"}, r"^fit must be 'crop', 'pad' or 'stretch', got 'zoom'$"),
        ({"min_class_share": 0.0}, r"^min_class_share must be null or above 0 and at most 1, got 0\.0$"),
        ({"min_class_share": 1.5}, r"^min_class_share must be null or above 0 and at most 1, got 1\.5$"),
    ],
)
def test_wrong_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(Packing, **{**PACKING, **choices})
