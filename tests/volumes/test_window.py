"""Numbers of a volume to 256 greys."""

import numpy as np
import pytest

from pipeline.core.errors import ItemRejected
from pipeline.volumes.scan import Scan
from pipeline.volumes.window import reduce


def scan(voxels: np.ndarray, is_calibrated: bool = False, is_inverted: bool = False) -> Scan:
    return Scan(voxels=voxels, format="CT", is_calibrated=is_calibrated, is_inverted=is_inverted)


RAMP = np.arange(1000, dtype=np.int16).reshape(10, 10, 10)


def test_the_tails_of_a_volume_are_cut() -> None:
    found = reduce(scan(RAMP), None)
    low, high = np.percentile(RAMP, [0.5, 99.5])
    assert (found.low, found.high) == (low, high) == (4.995, 994.005)
    expected = np.rint((np.clip(RAMP, low, high) - low) / (high - low) * 255)
    np.testing.assert_array_equal(found.voxels, expected)
    assert found.clipped == 10 / 1000  # 0 to 4 and 995 to 999
    assert found.level_width == pytest.approx(989.01 / 255)
    assert found.intensities == pytest.approx(
        {
            "intensity_01": 9.99,
            "intensity_25": 249.75,
            "intensity_50": 499.5,
            "intensity_75": 749.25,
            "intensity_99": 989.01,
        }
    )


@pytest.mark.parametrize("dtype", [np.uint8, bool, np.int16, np.float32])
def test_masks_become_black_and_white(dtype: type) -> None:
    mask = (RAMP % 7 == 0).astype(dtype)
    found = reduce(scan(mask), None)
    np.testing.assert_array_equal(found.voxels, np.where(RAMP % 7 == 0, 255, 0))
    assert (found.low, found.high, found.clipped) == (0, 1, 0)


def test_eight_bits_stay_as_they_are() -> None:
    made = (RAMP % 200).astype(np.uint8)
    found = reduce(scan(made), None)
    np.testing.assert_array_equal(found.voxels, made)
    assert (found.low, found.high, found.level_width, found.clipped) == (0, 255, 1, 0)


def test_few_bright_voxels_are_not_all_cut() -> None:
    """The percentiles of a volume that is nearly all air are the same number."""
    made = np.zeros((10, 10, 10), np.int16)
    made[5, 5, 5], made[5, 5, 6] = 300, 600
    found = reduce(scan(made), None)
    assert (found.low, found.high) == (0, 600)
    assert found.voxels[5, 5, 5:7].tolist() == [128, 255]
    assert not reduce(scan(np.full((2, 2, 2), 7.0)), None).voxels.any()


def test_hounsfield_units() -> None:
    made = np.array([-1000, -160, 80, 240, 1500, 0, 0, 0], np.float32).reshape(2, 2, 2)
    found = reduce(scan(made, is_calibrated=True), (-160, 240))
    assert found.voxels.ravel()[:5].tolist() == [0, 0, 153, 255, 255]
    assert found.clipped == 2 / 8
    with pytest.raises(
        ItemRejected, match=r"media\.window \[-160, 240\] needs numbers with a scale.* this CT does not"
    ):
        reduce(scan(made), (-160, 240))
    with pytest.raises(
        ItemRejected, match=r"no voxel lies in media\.window \[2000, 3000\]; they go from -1000 to 1500"
    ):
        reduce(scan(made, is_calibrated=True), (2000, 3000))


def test_inverted_greys() -> None:
    made = (RAMP % 200).astype(np.uint8)
    np.testing.assert_array_equal(reduce(scan(made, is_inverted=True), None).voxels, 255 - made)


def test_what_is_no_number() -> None:
    made = RAMP.astype(np.float32)
    plain = reduce(scan(made[1:]), None)
    made[0] = np.nan
    made[0, 0, :2] = np.inf, -np.inf
    found = reduce(scan(made), None)
    assert (found.low, found.high) == (plain.low, plain.high)
    assert found.voxels[0, 0, :3].tolist() == [255, 0, 0]
    np.testing.assert_array_equal(found.voxels[1:], plain.voxels)
    assert found.clipped == pytest.approx((100 + 10) / 1000)  # those and the tails: 5 of 900 on each side
    with pytest.raises(ItemRejected, match="truncated: no voxel is a number"):
        reduce(scan(np.full((2, 2, 2), np.nan)), None)
