"""Sizes and surfaces of bodies, resampling, storage, and what a person is shown."""

import math

import numpy as np
import pytest
from PIL import Image

from pipeline.core.errors import ItemRejected
from pipeline.images.properties import perceptual_hash
from pipeline.volumes.foreground import find_foreground, measure_shape
from pipeline.volumes.resampling import centre, resize, to_spacing
from pipeline.volumes.storage import VolumeFormat
from pipeline.volumes.views import three_slices, twelve_slices


def block() -> np.ndarray:
    """A box of 2 x 3 x 4 voxels of 200 before a background of 10."""
    made = np.full((8, 9, 10), 10, np.uint8)
    made[3:5, 2:5, 5:9] = 200
    return made


def test_a_box_in_voxels_and_mm() -> None:
    found = measure_shape(find_foreground(block()), (2.0, 1.0, 0.5))
    faces = 2 * (3 * 4 + 2 * 4 + 2 * 3)
    area = 2 * (3 * 4 * 0.5 + 2 * 4 * 1.0 + 2 * 3 * 2.0)
    assert found == pytest.approx(
        {
            "foreground_voxels": 24,
            "foreground_mm3": 24,
            "extent_depth": 2,
            "extent_height": 3,
            "extent_width": 4,
            "extent_depth_mm": 4,
            "extent_height_mm": 3,
            "extent_width_mm": 2,
            "surface": faces,
            "surface_mm2": area,
            "surface_to_volume": faces / 24,
            "surface_to_volume_per_mm": area / 24,
        }
    )


def test_a_body_at_the_edge_has_a_surface_there_and_none_in_mm_without_spacing() -> None:
    found = measure_shape(np.ones((2, 2, 2), bool), None)
    assert (found["surface"], found["foreground_voxels"]) == (24, 8)
    assert [name for name, value in found.items() if math.isnan(value)] == [
        *("foreground_mm3", "extent_depth_mm", "extent_height_mm", "extent_width_mm"),
        *("surface_mm2", "surface_to_volume_per_mm"),
    ]


def test_nothing_has_no_surface() -> None:
    found = measure_shape(find_foreground(np.full((3, 3, 3), 9, np.uint8)), (1.0, 1.0, 1.0))
    assert set(found.values()) == {0.0}


def test_the_surface_of_a_ball_is_half_as_large_again() -> None:
    grid = np.indices((41, 41, 41)) - 20
    found = measure_shape((grid**2).sum(axis=0) <= 18**2, (1.0, 1.0, 1.0))
    assert found["foreground_mm3"] == pytest.approx(4 / 3 * np.pi * 18**3, rel=0.01)
    assert found["surface_mm2"] == pytest.approx(1.5 * 4 * np.pi * 18**2, rel=0.02)


def test_the_threshold_between_two_groups() -> None:
    generator = np.random.default_rng(0)
    dark, bright = generator.normal(60, 12, 6000), generator.normal(180, 12, 2000)
    made = np.clip(np.concatenate([dark, bright]), 0, 255).astype(np.uint8).reshape(20, 20, 20)
    assert abs(int(find_foreground(made).sum()) - 2000) < 5
    mask = np.zeros((4, 4, 4), np.uint8)
    mask[0, 0, 0] = 255
    assert find_foreground(mask).sum() == 1


def test_resizing_keeps_what_is_where() -> None:
    made = np.zeros((8, 8, 8), np.uint8)
    made[4:, :4, 4:] = 240
    small = resize(made, (4, 2, 4))
    assert small.shape == (4, 2, 4)
    assert small[3, 0, 3] == small.max() > 200  # each axis mixes in a little of its neighbours
    assert small[0].max() == 0
    assert small.mean() == pytest.approx(made.mean(), abs=1)
    np.testing.assert_array_equal(resize(made, (8, 8, 8)), made)


def test_cubes_of_one_size() -> None:
    made = np.full((4, 10, 10), 9, np.uint8)
    assert to_spacing(made, (5.0, 1.0, 0.5), 2.0, 10_000).shape == (10, 5, 2)
    with pytest.raises(ItemRejected, match=r"too_large: 200 x 100 x 50 voxels at media\.spacing 0\.1 mm"):
        to_spacing(made, (5.0, 1.0, 0.5), 0.1, 10_000)


def test_cut_and_filled_around_the_centre() -> None:
    made = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    found = centre(made, (1, 5, 2))
    assert found.shape == (1, 5, 2)
    np.testing.assert_array_equal(found[0, 1:4], made[1, :, :2])
    assert not found[0, [0, 4]].any()


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_stored_form(fit: str, channels: int) -> None:
    form = VolumeFormat(size=8, depth=4, fit=fit, channels=channels, has_cubes=False)  # type: ignore[arg-type]
    made = np.full((6, 16, 32), 50, np.uint8)
    found = form.convert(made)
    assert found.shape == form.shape == (4, 8, 8, channels)
    assert found.dtype == np.uint8
    assert (found == 50).mean() == (0.5 if fit == "pad" else 1)
    assert form.for_card() == {"size": 8, "channels": channels, "fit": fit}


def test_cubes_are_not_resized() -> None:
    form = VolumeFormat(size=6, depth=4, fit="crop", channels=1, has_cubes=True)
    made = np.zeros((8, 8, 4), np.uint8)
    made[4, 4, 2] = 200
    assert np.argwhere(form.convert(made)[..., 0] == 200).tolist() == [[2, 3, 3]]


def test_three_slices_meet_in_the_body_and_are_never_blank() -> None:
    """Two bodies with nothing between them: the middle slices are empty."""
    made = np.zeros((12, 10, 8), np.uint8)
    made[1:3, 1:3, 1:3] = 100
    made[9:11, 7:9, 5:7] = 200
    shown = three_slices(made, has_cubes=True)
    assert shown.shape == (12, 8 + 2 + 8 + 2 + 10)
    for view in (shown[:, :8], shown[:, 10:18], shown[:, 20:]):
        assert view.any()
    assert not made[made.shape[0] // 2].any()


def test_the_head_is_above_and_the_patients_right_on_the_left() -> None:
    made = np.full((6, 5, 4), 20, np.uint8)
    made[-1, 0, 0] = 255  # head, front, right
    made[:, :, 0] = np.maximum(made[:, :, 0], 120)
    made[:, 0] = np.maximum(made[:, 0], 120)
    made[-1] = np.maximum(made[-1], 120)
    shown = three_slices(made, has_cubes=True)
    axial, coronal, sagittal = shown[:, :4], shown[:, 6:10], shown[:, 12:]
    assert coronal[0].min() >= 120  # the head
    assert sagittal[0].min() >= 120
    assert coronal[:, 0].min() >= 120  # right
    assert sagittal[:, 0].min() >= 120  # front
    assert axial[:, 0].max() >= 120
    stretched = three_slices(made, has_cubes=False)
    assert stretched.shape == (6, 4 + 2 + 4 + 2 + 5)


def test_a_flat_volume_is_shown_as_high_as_its_slices() -> None:
    made = np.full((3, 30, 20), 90, np.uint8)
    assert three_slices(made, has_cubes=False).shape == (30, 20 + 2 + 20 + 2 + 30)
    assert (three_slices(made, has_cubes=False) == 90).mean() > 0.9
    assert (three_slices(made, has_cubes=True) == 90).mean() < 0.5


def test_bodies_in_the_same_place_have_other_hashes() -> None:
    """Two masks whose middle slices are the same, and whose ends are not."""
    place = np.indices((32, 32, 32)) - 15.5
    ball = (place**2).sum(axis=0) < 12**2
    cut = ball & (np.abs(place).max(axis=0) < 9)
    pixels = [np.where(one, 255, 0).astype(np.uint8) for one in (ball, cut, ball)]
    first, other, same = (perceptual_hash(Image.fromarray(twelve_slices(one))) for one in pixels)
    assert first == same
    assert (int(first, 16) ^ int(other, 16)).bit_count() > 2
    assert twelve_slices(np.zeros((3, 4, 5), np.uint8)).shape == (96, 128)
