"""A volume is stored as (feet to head, front to back, the patient's right to left), whatever its file's order."""

import itertools
import random

import numpy as np
import pytest
from volume_examples import LIMITS, canonical, dicom_slice, nifti, voxels

from pipeline.core.errors import ItemRejected
from pipeline.core.sample_codec import FileSet
from pipeline.volumes.formats import read_scan, read_shape
from pipeline.volumes.orientation import check_affine

ORDERS = list(itertools.permutations(range(3)))
SIGNS = list(itertools.product((1, -1), repeat=3))
SPACING = np.array([0.5, 0.75, 2.0])  # to the right, front, head


@pytest.mark.parametrize("order", ORDERS)
def test_all_48_orders_of_a_nifti(order: tuple[int, ...]) -> None:
    """i, j and k lead along the axes of the body in any order, and each forwards or backwards."""
    stored = voxels((4, 6, 5))
    body = canonical(stored)
    for signs in SIGNS:
        array = body.transpose(order)
        affine = np.eye(4)
        affine[:3, :3] = 0
        for axis, (along, sign) in enumerate(zip(order, signs, strict=True)):
            affine[along, axis] = sign * SPACING[along]
            array = array if sign > 0 else np.flip(array, axis)
        data = nifti(np.ascontiguousarray(array), affine)
        scan = read_scan(data, LIMITS)
        np.testing.assert_array_equal(scan.voxels, stored)
        assert scan.spacing == pytest.approx((2.0, 0.75, 0.5))
        assert read_shape(data, LIMITS) == stored.shape


@pytest.mark.parametrize("order", ORDERS)
def test_all_24_orders_of_a_dicom_series(order: tuple[int, ...]) -> None:
    """Slices, rows and columns lead along the axes of the body in any order; files come in any order."""
    stored = voxels((4, 6, 5))
    body = canonical(stored)[::-1, ::-1]  # DICOM counts to the left and to the back
    for row_sign, column_sign in itertools.product((1, -1), repeat=2):
        row, column = np.eye(3)[order[2]] * row_sign, np.eye(3)[order[1]] * column_sign
        normal = np.cross(row, column)
        signs = (int(normal[order[0]]), column_sign, row_sign)
        array, start = body.transpose(order), np.zeros(3)
        for axis, sign in enumerate(signs):
            array = array if sign > 0 else np.flip(array, axis)
        array = np.ascontiguousarray(array)
        files = [
            (
                str(number),
                dicom_slice(
                    array[number],
                    start + normal * SPACING[order[0]] * number,
                    "1.2",
                    ImageOrientationPatient=[*row, *column],
                    PixelSpacing=[SPACING[order[1]], SPACING[order[2]]],
                ),
            )
            for number in range(len(array))
        ]
        random.Random(0).shuffle(files)
        scan = read_scan(FileSet(files=tuple(files)), LIMITS)
        np.testing.assert_array_equal(scan.voxels, stored)
        assert scan.spacing == pytest.approx((2.0, 0.75, 0.5))
        assert scan.through_plane == pytest.approx(SPACING[order[0]])


def test_an_oblique_volume_takes_the_nearest_axes() -> None:
    stored = voxels((4, 6, 5))
    turn = np.radians(20)
    affine = np.eye(4)
    affine[:3, :3] = [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    np.testing.assert_array_equal(read_scan(nifti(canonical(stored), affine), LIMITS).voxels, stored)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((0, 1, 0.2), r"two axes of the volume are 11\.3 degrees from a right angle \(a gantry tilt"),
        ((0, 0, 0.0), "the axes of the volume have no direction"),
        ((0, 0, np.nan), "the axes of the volume have no direction"),
        ((0, 0, np.inf), "the axes of the volume have no direction"),
    ],
)
def test_axes_that_are_none(change: tuple[int, int, float], message: str) -> None:
    affine = np.eye(4)
    affine[change[:2]] = change[2]
    with pytest.raises(ItemRejected, match=message):
        check_affine(affine)
