"""The same photograph is found whatever was done to it, and look-alikes are not."""

import numpy as np
import pytest
from PIL import Image

from pipeline.core import twins


def photograph(seed):
    small = np.random.default_rng(seed).integers(0, 256, (12, 12), dtype=np.uint8)
    return Image.fromarray(small).resize((200, 200), Image.Resampling.BICUBIC)


CHANGES = {
    "halved": lambda one: one.resize((100, 100)),
    "cropped": lambda one: one.crop((8, 8, 192, 192)),
    "mirrored": lambda one: one.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "brightened": lambda one: one.point(lambda value: min(255, 1.3 * value)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_nothing_else(change):
    originals = [photograph(seed) for seed in range(40)]
    pictures = [*originals, CHANGES[change](originals[7])]
    thumbnails = np.stack([twins.thumbnail(np.asarray(one)) for one in pictures])
    pairs, similar, limit = twins.find(thumbnails, 0.93, 1)
    assert {tuple(pair[:2]) for pair in pairs.tolist()} == {(7, 40)}
    assert similar.min() >= limit == 0.93


def test_where_everything_looks_alike_the_limit_rises():
    generator = np.random.default_rng(0)
    pattern = np.asarray(photograph(0)).astype(float)
    alike = [np.clip(pattern + generator.normal(0, 25, pattern.shape), 0, 255).astype(np.uint8) for _ in range(40)]
    thumbnails = np.stack([twins.thumbnail(one) for one in [*alike, alike[3]]])
    pairs, _, limit = twins.find(thumbnails, 0.93, 1)
    assert limit > 0.99
    assert (3, 40) in {tuple(pair[:2]) for pair in pairs.tolist()}
    assert len(pairs) <= 4


def test_fewer_than_two_pictures_have_no_twin():
    assert len(twins.find(np.zeros((1, 64, 64), np.uint8), 0.93, 1)[0]) == 0
