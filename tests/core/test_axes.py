"""Samples of any number of axes: as stored, as computed with, and as shown; what does not fit them is refused."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.axes import check_spatial_rank, middle_pictures, to_array, to_tensor
from pipeline.core.contracts import Augmentation, BatchMix, Encoder, Transform
from pipeline.core.errors import UserError


class Flat:
    spatial_rank: ClassVar[int | None] = 2


class Deep:
    spatial_rank: ClassVar[int | None] = 3


class Whatever:
    spatial_rank: ClassVar[int | None] = None


def test_a_tensor_has_its_channels_first():
    stored = np.arange(2 * 4 * 5 * 6 * 3, dtype=np.uint8).reshape(2, 4, 5, 6, 3)
    batch = to_tensor(stored)
    assert batch.shape == (2, 3, 4, 5, 6)
    assert batch[1, 2, 3, 4, 0] == stored[1, 3, 4, 0, 2]


@given(st.lists(st.integers(1, 4), min_size=3, max_size=6).map(tuple))
def test_there_and_back_is_the_same(shape):
    stored = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    batch = to_tensor(stored)
    assert batch.shape == (shape[0], shape[-1], *shape[1:-1])
    np.testing.assert_array_equal(to_array(batch), stored)
    assert to_array(batch).flags.c_contiguous


def test_a_tensor_of_pictures_lies_as_it_is_stored():
    """Channels last, so that a network which takes them so copies nothing."""
    assert to_tensor(np.zeros((2, 4, 4, 3), np.uint8)).is_contiguous(memory_format=torch.channels_last)
    assert to_tensor(np.zeros((2, 4, 4, 4, 3), np.uint8)).is_contiguous(memory_format=torch.channels_last_3d)


def test_the_middle_is_shown_of_more_axes_and_pictures_as_they_are():
    pictures = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3, 1)
    assert middle_pictures(pictures) is pictures
    volumes = np.stack([pictures, pictures + 100, pictures + 200], axis=1)  # (2, 3, 3, 3, 1)
    np.testing.assert_array_equal(middle_pictures(volumes), pictures + 100)
    films = np.stack([volumes - 1, volumes], axis=1)
    np.testing.assert_array_equal(middle_pictures(films), pictures + 100)


@pytest.mark.parametrize(("shape", "fitting"), [((8, 8, 3), Flat()), ((4, 8, 8, 1), Deep())])
def test_what_fits_passes(shape, fitting):
    check_spatial_rank({"encoder": fitting, "mix": Whatever()}, shape)
    check_spatial_rank({}, shape)


@pytest.mark.parametrize(
    ("shape", "components", "message"),
    [
        (
            (4, 8, 9, 1),
            {"encoder": Deep(), "augmentation.flips": Flat()},
            (
                r"^params\.yaml: augmentation\.flips takes samples with 2 spatial axes, but the stored samples have 3 "
                r"\(4 x 8 x 9\); choose another augmentation$"
            ),
        ),
        (
            (8, 9, 3),
            {"encoder": Deep()},
            (
                r"^params\.yaml: encoder takes samples with 3 spatial axes, but the stored samples have 2 \(8 x 9\); "
                r"choose another encoder$"
            ),
        ),
    ],
)
def test_what_does_not_fit_is_refused(shape, components, message):
    with pytest.raises(UserError, match=message):
        check_spatial_rank(components, shape)


@pytest.mark.parametrize("noun", [Augmentation, BatchMix, Encoder, Transform])
def test_what_says_nothing_takes_pictures(noun):
    assert noun.spatial_rank == 2
