"""The memory that a volume of extreme shape takes when its lengths change, and what is refused."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from pipeline.core.errors import ItemRejected
from pipeline.volumes.resampling import resize, to_spacing
from pipeline.volumes.scan import Bounds
from pipeline.volumes.storage import Fit, VolumeFormat
from pipeline.volumes.views import three_slices


def peak(work: Callable[[], object]) -> int:
    """Most bytes that were held at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_what_shrinks_goes_before_what_grows() -> None:
    wide = np.zeros((256, 2, 2), np.uint8)
    assert peak(lambda: to_spacing(wide, (0.004, 200, 200), 1, 10**6)) < 10**6  # the result has 160,000 bytes


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("shape", [(4, 2, 30_000), (4, 30_000, 2), (4096, 2, 2)])
def test_stored_volumes_take_no_more_than_their_own_size(fit: Fit, shape: tuple[int, ...]) -> None:
    form = VolumeFormat(size=64, depth=8, fit=fit, channels=1, has_cubes=False)
    assert peak(lambda: form.convert(np.zeros(shape, np.uint8))) < 10 * max(form.depth * 64 * 64, np.prod(shape))


def test_a_crop_is_the_square_in_the_middle_of_each_slice() -> None:
    volume = np.broadcast_to(np.arange(0, 210, 10, dtype=np.uint8), (5, 9, 21))
    stored = VolumeFormat(size=6, depth=5, fit="crop", channels=1, has_cubes=False).convert(volume)[..., 0]
    assert np.abs(stored[:, :, 1:5].astype(int) - [78, 92, 108, 122]).max() <= 1  # of 60 to 140
    assert np.ptp(stored, axis=(0, 1)).max() == 0


def test_resizing_a_ramp_in_either_order() -> None:
    ramp = np.broadcast_to(np.arange(0, 240, 4, dtype=np.uint8)[:, None, None], (60, 3, 4))
    few = resize(ramp, (6, 9, 8))
    assert few.shape == (6, 9, 8)
    assert np.abs(few[1:5, 0, 0].astype(int) - [58, 98, 138, 178]).max() <= 1  # means of ten neighbours each


def test_lengths_that_are_refused() -> None:
    with pytest.raises(
        ItemRejected, match=r"too_large: 4,098 voxels along an axis at media\.spacing 1 mm, at most 4,0"
    ):
        to_spacing(np.zeros((2, 2, 2), np.uint8), (1, 2049, 1), 1, 10**9)
    with pytest.raises(ItemRejected, match="too_large: inf voxels along an axis"):
        to_spacing(np.zeros((2, 2, 2), np.uint8), (1, 1, 1), 5e-324, 10**9)
    with pytest.raises(ItemRejected, match="too_large: slices of 70000 x 2, at most 65,536 along a side allowed"):
        Bounds(max_voxels=10**9, max_pixels=10**9).check_slices((2, 70_000, 2))


def test_the_shown_slices_of_a_long_volume_are_bounded() -> None:
    assert three_slices(np.zeros((2, 9000, 2), np.uint8), has_cubes=False).shape == (4096, 2 + 2 + 2 + 2 + 4096)
