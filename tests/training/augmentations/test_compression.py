"""Each sample is stored as a JPEG of its own quality and read again."""

import io

import numpy as np
import pytest
import torch
from file_options import from_file
from PIL import Image

from pipeline.training.augmentations.compression import Compression

BATCH = torch.randint(0, 256, (12, 3, 10, 14), generator=torch.Generator().manual_seed(0)).byte()


def drawn(min_quality, seed=0, batch=BATCH):
    return Compression(min_quality=min_quality)(batch, torch.Generator().manual_seed(seed))


def stored(picture, quality):
    """Colour (H, W, 3) or grey (H, W), by Pillow."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


@pytest.mark.parametrize("channels", [1, 3])
def test_each_sample_is_the_picture_at_the_quality_that_the_generator_drew(channels):
    batch = BATCH[:, :channels]
    qualities = torch.randint(20, 101, (12,), generator=torch.Generator().manual_seed(5)).tolist()
    assert len(set(qualities)) > 6
    found = drawn(20, 5, batch)
    assert found.dtype == torch.uint8
    assert found.shape == batch.shape
    for one, picture, quality in zip(found, batch, qualities, strict=True):
        seen = picture[0] if channels == 1 else picture.permute(1, 2, 0)
        expected = torch.from_numpy(stored(seen.numpy(), quality).copy())
        assert torch.equal(one[0] if channels == 1 else one.permute(1, 2, 0), expected)


def test_a_lower_quality_loses_more():
    def loss(quality):
        return np.mean([np.abs(stored(one, quality).astype(int) - one).mean() for one in pictures])

    pictures = BATCH.permute(0, 2, 3, 1).numpy()
    changed = (drawn(1).int() - BATCH).abs().float().mean()  # qualities of 1 to 100
    assert loss(100) < changed < loss(1)
    assert (drawn(100).int() - BATCH).abs().float().mean() == pytest.approx(loss(100))


def test_one_colour_stays_as_it_is():
    grey = torch.full((3, 1, 8, 8), 77, dtype=torch.uint8)
    assert (drawn(90, batch=grey).int() - grey).abs().max() <= 1


def test_each_sample_has_its_own_quality():
    same = BATCH[:1].repeat(8, 1, 1, 1)
    assert len({tuple(one.flatten().tolist()) for one in drawn(10, batch=same)}) > 4


def test_the_generator_decides_and_the_input_is_left_alone():
    before = BATCH.clone()
    assert torch.equal(drawn(30, 1), drawn(30, 1))
    assert not torch.equal(drawn(30, 1), drawn(30, 2))
    assert torch.equal(BATCH, before)


@pytest.mark.parametrize("quality", [0, 101])
def test_a_quality_that_jpeg_does_not_have(quality):
    with pytest.raises(ValueError, match=rf"^min_quality must be 1 to 100, got {quality}$"):
        from_file(Compression, min_quality=quality)
