"""Arrays of NumPy (.npy), without pickle."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np

from pipeline.core.errors import ItemRejected
from pipeline.volumes.scan import Bounds, Scan, apply_scale, reading

KIND = "NPY"
MAGIC = b"\x93NUMPY"
MAX_HEADER = 4096  # characters


def is_npy(head: bytes) -> bool:
    return head.startswith(MAGIC)


def read_npy(data: bytes, bounds: Bounds) -> Scan:
    """A volume with its axes as stored: slices, rows, columns.

    Raises:
        ItemRejected: The file is damaged, too large, holds objects, or no volume.
    """
    with reading(KIND):
        shape, is_fortran, dtype, offset = _read_header(data, bounds)
        count = math.prod(shape)
        if len(data) < offset + count * dtype.itemsize:
            raise ItemRejected("truncated", f"{len(data):,} bytes, too few for {count:,} voxels of {dtype}")
        raw = np.frombuffer(data, dtype, count, offset).reshape(shape, order="F" if is_fortran else "C")
        return Scan(voxels=apply_scale(raw, 1, 0), format=KIND)


def read_npy_shape(data: bytes, bounds: Bounds) -> tuple[int, ...]:
    """(slices, rows, columns) by the header alone; raises as `read_npy`."""
    with reading(KIND):
        return _read_header(data, bounds)[0]


def _read_header(data: bytes, bounds: Bounds) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    stream = io.BytesIO(data[: 2 * MAX_HEADER])
    version = np.lib.format.read_magic(stream)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = reader(stream, max_header_size=MAX_HEADER)
    if dtype.kind not in "biuf":
        raise ItemRejected(
            "unsupported", f"an array of the type {'record' if dtype.names else dtype}; whole and real numbers are read"
        )
    if any(length < 0 for length in shape):
        raise ItemRejected("truncated", f"a header with the shape {shape}")
    shape = without_last_one(shape)
    bounds.check(shape)
    bounds.check_slices(shape)
    return shape, is_fortran, dtype, stream.tell()


def without_last_one(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape without a fourth axis of 1."""
    return shape[:3] if len(shape) == 4 and shape[3] == 1 else shape


def read_array(array: np.ndarray, bounds: Bounds) -> Scan:
    """The volume of a source that holds arrays.

    Raises:
        ItemRejected: It is too large, or no volume.
    """
    shape = without_last_one(array.shape)
    bounds.check(shape)
    bounds.check_slices(shape)
    return Scan(voxels=apply_scale(array.reshape(shape), 1, 0), format="array")
