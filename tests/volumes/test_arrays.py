"""NPY files, arrays and MRC maps."""

import gzip
import io
import pickle
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from volume_examples import LIMITS, voxels

from pipeline.core.errors import ItemRejected
from pipeline.images.decoding import REJECTION_REASONS
from pipeline.volumes.formats import read_scan, read_shape, volume_suffix

ARRAY = voxels()


def npy(array: Any, version: tuple[int, int] = (1, 0), **options: Any) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), version, **options)
    return buffer.getvalue()


def mrc(folder: Path, array: np.ndarray = ARRAY, **fields: Any) -> bytes:
    path = folder / "map.mrc"
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(array)
        file.set_volume()
        file.voxel_size = (2.0, 3.0, 4.0)  # of X, Y and Z
        for name, value in fields.items():
            file.header[name] = value
    return path.read_bytes()


def refusal(data: Any) -> str:
    with pytest.raises(ItemRejected) as caught:
        read_scan(data, LIMITS)
    assert caught.value.reason in REJECTION_REASONS
    return str(caught.value)


class Trap:
    """What a pickle runs when it is loaded."""

    def __reduce__(self) -> Any:
        return (pytest.fail, ("a pickle was loaded",))


@pytest.mark.parametrize("array", [ARRAY, np.asfortranarray(ARRAY), ARRAY[..., None], ARRAY.astype(">f8"), ARRAY > 500])
@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_npy_as_it_is(array: np.ndarray, version: tuple[int, int]) -> None:
    data = npy(array, version)
    scan = read_scan(data, LIMITS)
    np.testing.assert_array_equal(scan.voxels, array.reshape(ARRAY.shape))
    assert (scan.spacing, read_shape(data, LIMITS)) == (None, ARRAY.shape)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (npy(np.array([Trap()] * 8).reshape(2, 2, 2), allow_pickle=True), "unsupported: an array of the type object"),
        (npy(np.zeros((2, 2, 2), "U3")), "unsupported: an array of the type <U3"),
        (npy(np.zeros((2, 2, 2), [("x", "i2")])), "unsupported: an array of the type record"),
        (npy(np.zeros((2, 2, 2), complex)), "unsupported: an array of the type complex128"),
        (npy(np.zeros((2, 2))), "unsupported: an array of 2 x 2, which has 2 axes"),
        (npy(np.zeros((2, 2, 2, 3))), "unsupported: an array of 2 x 2 x 2 x 3, which has 4 axes"),
        (npy(ARRAY)[:-1], "truncated: 367 bytes, too few for 120 voxels of int16"),
        (npy(ARRAY).replace(b"(4, 6, 5)", b"(9999999999, 6, 5)"), "too_large: 9999999999 x 6 x 5 voxels"),
        (npy(ARRAY).replace(b"(4, 6, 5)", b"(-4,6,-5)"), "truncated: a header with the shape (-4, 6, -5)"),
        (npy(ARRAY).replace(b"(4, 6, 5)", b"exit(99 )"), "truncated: a damaged NPY file (ValueError)"),
        (npy(ARRAY)[:8], "truncated: a damaged NPY file (ValueError)"),
        (pickle.dumps(Trap()), "not_a_volume: it does not begin as NIfTI, DICOM, MRC or NPY does"),
        (np.zeros((2, 2, 3, 3), np.uint8), "unsupported: an array of 2 x 2 x 3 x 3, which has 4 axes"),
        (np.zeros((200, 200, 200), np.uint8), "too_large: 200 x 200 x 200 voxels"),
        (np.full((2, 2, 2), np.nan) * 1j, "unsupported: voxels of the type complex128"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_npy_and_arrays_that_are_refused(data: Any, expected: str) -> None:
    assert refusal(data).startswith(expected)


def test_an_array_of_a_source() -> None:
    scan = read_scan(ARRAY[..., None], LIMITS)
    np.testing.assert_array_equal(scan.voxels, ARRAY)
    assert (scan.format, read_shape(ARRAY, LIMITS)) == ("array", ARRAY.shape)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("dtype", ["i1", "i2", "f4", "u2", "f2"])
def test_mrc_with_its_axes_as_usual(tmp_path: Path, pack: Any, dtype: str) -> None:
    array = (ARRAY % 120).astype(dtype)
    data = pack(mrc(tmp_path, array))
    scan = read_scan(data, LIMITS)
    np.testing.assert_array_equal(scan.voxels, array)
    assert scan.spacing == pytest.approx((4e-7, 3e-7, 2e-7))  # mm
    assert read_shape(data, LIMITS) == ARRAY.shape


@pytest.mark.parametrize("axes", [(1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)])
def test_mrc_with_its_axes_in_any_order(tmp_path: Path, axes: tuple[int, ...]) -> None:
    """mapc, mapr and maps say which of X, Y and Z the columns, rows and sections are."""
    file = ARRAY.transpose([3 - axis for axis in reversed(axes)])  # sections, rows, columns
    data = mrc(tmp_path, np.ascontiguousarray(file), mapc=axes[0], mapr=axes[1], maps=axes[2])
    np.testing.assert_array_equal(read_scan(data, LIMITS).voxels, ARRAY)
    assert read_shape(data, LIMITS) == ARRAY.shape


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"mapc": 2}, "truncated: axes [2, 2, 3], expected 1, 2 and 3 in some order"),
        ({"nx": -5}, "truncated: a header with (4, 6, -5) voxels"),
        ({"nx": 2**30}, "too_large: 4 x 6 x 1073741824 voxels"),
        ({"nsymbt": -1}, "truncated: a header with (4, 6, 5) voxels and -1 bytes before them"),
        ({"nsymbt": 500}, "truncated: 1,264 bytes, where the header announces 1,764"),
        ({"mode": 4}, "unsupported: voxels of mode 4"),
        ({"ispg": 401}, "unsupported: a stack of several volumes"),
        ({"ispg": 0, "mz": 1}, "unsupported: a stack of 4 pictures, no volume (ispg 0 and mz 1)"),
        ({"machst": [9, 9, 0, 0]}, "truncated: a damaged MRC file (ValueError)"),
    ],
)
def test_mrc_that_is_refused(tmp_path: Path, fields: dict[str, Any], expected: str) -> None:
    assert refusal(mrc(tmp_path, **fields)).startswith(expected)


def test_mrc_without_a_cell_has_no_spacing(tmp_path: Path) -> None:
    assert read_scan(mrc(tmp_path, mx=0), LIMITS).spacing is None
    assert refusal(mrc(tmp_path)[:1000]).startswith("truncated: 1000 bytes of a header of 1024")


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a/B.NII.GZ", ".nii.gz"), ("a.nii", ".nii"), ("a.b/c", ""), ("1.2.840.7", ".7"), ("x.tar.gz", ".tar.gz")],
)
def test_the_ending_of_a_name(name: str, suffix: str) -> None:
    assert volume_suffix(name) == suffix
