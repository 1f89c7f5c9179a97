"""A problem that a tiny network learns in a tenth of a second: stripes across or along, under noise."""

import numpy as np
import pytest
import torch

from pipeline.core.batches import ImageDataset
from pipeline.models.transforms.normalise import Normalise

SIDE = 16


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Two test processes on two cores must not fight over them."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def transform():
    return Normalise(image_size=SIDE, mean=[0.5] * 3, std=[0.5] * 3)


@pytest.fixture(scope="session")
def stripes(transform):
    """Samples of two classes in turn, equal in brightness and contrast."""

    def build(num_samples, seed=0, **changes):
        generator = np.random.default_rng(seed)
        truth = np.arange(num_samples) % 2
        images = np.empty((num_samples, SIDE, SIDE, 1), dtype=np.uint8)
        for image, along in zip(images, truth, strict=True):
            wave = np.roll(np.arange(SIDE) // 2 % 2 * 60.0, generator.integers(4))
            striped = (wave[:, None] if along else wave[None, :]) + generator.normal(80, 20, (SIDE, SIDE))
            image[:, :, 0] = np.clip(striped, 0, 255)
        targets = np.eye(2, dtype=np.float32)[truth]
        parts = {"images": images, "rows": np.arange(num_samples), "targets": targets, "transform": transform}
        return ImageDataset(**(parts | changes))

    return build
