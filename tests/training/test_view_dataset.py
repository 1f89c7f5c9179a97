"""Batches of pretraining: who is in them, who is kept apart, and which rows belong together."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pretraining_examples import make_packed

from pipeline.core.errors import UserError
from pipeline.models.transforms.normalise import Normalise
from pipeline.training.augmentations.orthogonal import Orthogonal
from pipeline.training.objectives.simclr import SimClr
from pipeline.training.view_dataset import ViewDataset, count_samples, make_view_dataset

TRANSFORM = Normalise(image_size=16, mean=[0.5] * 3, std=[0.5] * 3)
FLIP = Orthogonal(horizontal_flip=True, vertical_flip=False, transpose=False)


def pretext(positives="view"):
    return SimClr(temperature=0.5, projection_dim=4, positives=positives)


def dataset(apart, positives="view", keys=None):
    apart = np.asarray(apart, dtype=np.int64)
    images = np.arange(len(apart), dtype=np.uint8)[:, None, None, None] * np.ones((1, 16, 16, 1), np.uint8)
    keys = np.arange(len(apart)) if keys is None else np.asarray(keys)
    return ViewDataset(images, np.arange(len(apart)), keys, apart, pretext(positives), TRANSFORM)


@given(st.lists(st.integers(0, 12), min_size=2, max_size=80), st.integers(2, 9), st.integers(0, 9))
def test_no_batch_has_two_that_are_kept_apart_and_no_more_batches_could_be_made(apart, size, seed):
    samples = dataset(apart)
    size = min(size, samples.max_batch_size)
    batches = [chosen for chosen, _ in samples.epoch_batches(size, torch.Generator().manual_seed(seed))]
    sizes = np.unique(samples.apart, return_counts=True)[1]
    assert [len(one) for one in batches] == [size] * samples.num_batches(size)
    assert len(np.unique(np.concatenate(batches))) == size * len(batches)
    assert all(len(np.unique(samples.apart[one])) == size for one in batches)
    one_more = len(batches) + 1
    assert np.minimum(sizes, one_more).sum() < one_more * size


def test_without_anything_to_keep_apart_an_epoch_is_all_pictures_in_random_order():
    samples = dataset(range(40))
    generator = torch.Generator().manual_seed(1)
    first, second = (np.concatenate([chosen for chosen, _ in samples.epoch_batches(8, generator)]) for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(40))
    assert first.tolist() != second.tolist()
    assert len({seed for _, seed in samples.epoch_batches(8, generator)}) == 5


def test_two_views_of_a_picture_follow_one_another_and_share_a_key():
    samples = dataset(range(6))
    rows, keys = samples.make_batch(np.array([4, 1]), seed=3)
    assert rows.shape == (4, 3, 16, 16)
    assert keys.tolist() == [4, 4, 1, 1]
    levels = [float(row.mean()) for row in rows]
    assert levels[0] == levels[1] != levels[2] == levels[3]


def test_the_views_of_a_group_show_different_pictures_of_it():
    samples = dataset([0, 0, 0, 1, 2, 2], "group", keys=[7, 7, 7, 8, 9, 9])
    found = set()
    for seed in range(40):
        rows, keys = samples.make_batch(np.array([0, 3, 5]), seed)
        assert keys.tolist() == [7, 7, 8, 8, 9, 9]
        shown = [round((float(row.mean()) * 0.5 + 0.5) * 255) for row in rows]
        assert shown[0::2] == [0, 3, 5]
        found.add(tuple(shown[1::2]))
    assert found == {(1, 3, 4), (2, 3, 4)}  # alone in its group, 3 is its own companion


def test_the_seed_decides_the_batch():
    packed = make_packed(["train"] * 12)
    samples = make_view_dataset(packed, pretext(), TRANSFORM, (FLIP,))
    chosen = np.arange(12)
    first, same, other = (samples.make_batch(chosen, seed)[0] for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_train_and_the_pool_take_part_without_extra_copies():
    packed = make_packed(["train", "val", "pool", "test", "train", "pool"])
    packed.index.loc[4, "origin"] = "s000"
    samples = make_view_dataset(packed, pretext(), TRANSFORM, ())
    assert samples.rows.tolist() == [0, 2, 5]
    assert count_samples(packed, samples) == {"train": 1, "val": 0, "test": 0, "pool": 2}


def test_classes_are_positives_among_labelled_pictures_only():
    packed = make_packed(["train"] * 6 + ["pool"] * 3)
    samples = make_view_dataset(packed, pretext("class"), TRANSFORM, ())
    assert samples.rows.tolist() == list(range(6))
    labels = packed.index["labels"].str[0].tolist()
    assert all((samples.keys[i] == samples.keys[j]) == (labels[i] == labels[j]) for i in range(6) for j in range(6))


@pytest.mark.parametrize(
    ("splits", "positives", "columns", "message"),
    [
        (["val", "test"], "view", {}, r"found no picture in train or without a label; add pictures, or set objective"),
        (["pool", "val"], "class", {}, r"found no labelled picture in train"),
        (["train"] * 3, "view", {"photograph": "p"}, r"different photographs within a batch, and all 3 pictures are"),
        (["train"] * 3, "group", {"group": "g"}, r"different groups within a batch, and all 3 pictures are of one gro"),
        (
            ["train"] * 3,
            "class",
            {"labels": [["a"]] * 3},
            r"different classes within a batch, and all 3 labelled pictu",
        ),
    ],
)
def test_what_cannot_be_learned_from_is_refused(splits, positives, columns, message):
    with pytest.raises(UserError, match=message):
        make_view_dataset(make_packed(splits, **columns), pretext(positives), TRANSFORM, ())


def test_batches_that_may_be_of_one_class_are_refused():
    """Of two classes, 2 x 0.5^4 of the batches of 4; of 19 to 1, 0.95^8 of those of 8."""
    labels = [["ab"[number % 2]] for number in range(40)]
    even = make_view_dataset(make_packed(["train"] * 40, labels=labels), pretext("class"), TRANSFORM, ())
    with pytest.raises(
        UserError, match=r"of 8 batches of 4, 1 are expected to be a batch of one class; raise pretrain"
    ):
        even.refuse_one_class(4, 8)
    even.refuse_one_class(16, 300)
    labels = [["ab"[number % 20 == 0]] for number in range(40)]
    rare = make_view_dataset(make_packed(["train"] * 40, labels=labels), pretext("class"), TRANSFORM, ())
    with pytest.raises(UserError, match=r"of 10 batches of 8, 6\.6 are expected to be a batch of one class"):
        rare.refuse_one_class(8, 10)
    make_view_dataset(make_packed(["train"] * 40), pretext(), TRANSFORM, ()).refuse_one_class(2, 1000)
