"""Packed arrays come out in batches: in order without a generator, shuffled and changed with one."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.core import artifacts
from pipeline.core.axes import to_tensor
from pipeline.core.batches import ImageDataset
from pipeline.core.errors import UserError
from pipeline.datasets.packed import PackedDataset


def transform(batch):
    return batch.float()


def brighter(batch, generator):
    return batch + 100


@pytest.fixture
def samples():
    """Samples 1, 3, 5, 7, 9 of ten pictures; each picture and its target hold the sample's number."""
    numbers = np.arange(10, dtype=np.uint8)
    rows = np.arange(1, 10, 2)
    return ImageDataset(
        images=np.broadcast_to(numbers[:, None, None, None], (10, 2, 2, 3)).copy(),
        rows=rows,
        targets=rows[:, None].astype(np.float32),
        transform=transform,
        augmentations=(brighter,),
    )


def numbers(batches):
    return [(images[:, 0, 0, 0].tolist(), targets[:, 0].tolist()) for images, targets, _ in batches]


def test_without_a_generator_all_come_once_in_order_and_unchanged(samples):
    assert len(samples) == 5
    assert numbers(samples.batches(2)) == [([1, 3], [1, 3]), ([5, 7], [5, 7]), ([9], [9])]


def test_with_a_generator_they_are_shuffled_augmented_and_the_last_batch_is_dropped(samples):
    drawn = numbers(samples.batches(2, torch.Generator().manual_seed(0)))
    assert [len(targets) for _, targets in drawn] == [2, 2]
    assert all([image - 100 for image in images] == targets for images, targets in drawn)
    assert len({target for _, targets in drawn for target in targets}) == 4


def test_the_generator_decides_the_order(samples):
    def order(seed):
        return numbers(samples.batches(5, torch.Generator().manual_seed(seed)))

    assert order(0) == order(0)
    assert len({str(order(seed)) for seed in range(5)}) > 1


def test_fewer_samples_than_a_batch_are_not_dropped(samples):
    assert [len(targets) for _, targets, _ in samples.batches(8, torch.Generator().manual_seed(0))] == [5]


def test_to_batch_puts_channels_first():
    images = np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3)
    batch = to_tensor(images)
    assert batch.shape == (1, 3, 2, 4)
    assert batch[0, 2, 1, 3] == images[0, 1, 3, 2]


class Numbers:
    """A task whose target is the label as a number."""

    def targets(self, labels, classes):
        return np.array([[classes.index(one[0])] for one in labels], dtype=np.float32)


def test_packed_hands_out_the_samples_of_a_split(tmp_path):
    np.save(tmp_path / "images.npy", np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1).repeat(3, axis=3))
    index = pd.DataFrame({"split": ["train", "val", "train", "none"], "labels": [["b"], ["a"], ["a"], ["b"]]})
    artifacts.write_table(tmp_path / "index.parquet", index)
    artifacts.write_json(tmp_path / "card.json", {"classes": ["a", "b"]})
    packed = PackedDataset.load(tmp_path)
    assert packed.classes == ["a", "b"]
    assert numbers(packed.split("train", Numbers(), transform).batches(9)) == [([0, 2], [1, 0])]
    assert numbers(packed.split("val", Numbers(), transform).batches(9)) == [([1], [0])]
    told = packed.split("train", Numbers(), transform).metadata
    assert told.index.tolist() == [0, 1]
    assert told["split"].tolist() == ["train", "train"]


def test_packed_says_what_is_missing(tmp_path):
    with pytest.raises(UserError, match=r"card\.json does not exist; run dvc repro"):
        PackedDataset.load(tmp_path)


def test_chances_decide_how_often_each_is_drawn(samples):
    drawn = replace(
        samples, sampling_probabilities=np.array([0.0, 0.5, 0.0, 0.5, 0.0]), subgroups=np.array([4, 3, 2, 1, 0])
    )
    generator = torch.Generator().manual_seed(0)
    found = [pair for _ in range(200) for _, targets, cells in drawn.batches(5, generator)
             for pair in zip(targets[:, 0].tolist(), cells.tolist(), strict=True)]  # fmt: skip
    assert set(found) == {(3.0, 3), (7.0, 1)}  # 1,000 draws; four standard deviations of a half are 0.063
    assert abs(found.count((3.0, 3)) / len(found) - 0.5) < 0.063
    again = [order(drawn) for _ in range(2)]
    assert again[0] == again[1]
    assert numbers(drawn.batches(9)) == numbers(samples.batches(9))  # in order, once, without a generator


def order(samples):
    return numbers(samples.batches(5, torch.Generator().manual_seed(3)))


@pytest.mark.parametrize("shape", [(3, 4, 5, 1), (3, 6, 4, 5, 1)])
def test_a_picture_of_a_sample_has_two_axes(shape):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    found = PackedDataset(images, pd.DataFrame(), {}).picture(1)
    np.testing.assert_array_equal(found, images[1] if len(shape) == 4 else images[1, 3])
