"""MRC and MAP files of electron microscopy and crystallography, also packed with gzip.

Only the header's numbers are read; its ten labels of free text are not.

Source: Cheng and others 2015, MRC2014: Extensions to the MRC format header, doi:10.1016/j.jsb.2015.04.002.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from pipeline.core.errors import ItemRejected
from pipeline.volumes.compression import unpack_header, unpack_voxels
from pipeline.volumes.scan import Bounds, Scan, apply_scale, checked_spacing, import_reader, reading

KIND = "MRC"
HEADER_BYTES = 1024
MAX_EXTENDED = 2**26  # bytes between header and voxels, which are skipped
MM_PER_ANGSTROM = 1e-7
STACK, FIRST_VOLUME_STACK = 0, 401  # of the field ispg


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class MrcHeader:
    """What is needed of a header.

    Attributes:
        shape: Sections, rows and columns of the file.
        order: The axis of the file that is Z, Y and X.
        dtype: Of a voxel as stored.
        offset: Of the first voxel in the unpacked file.
        spacing: Along Z, Y and X in mm; None where the file does not say.
    """

    shape: tuple[int, int, int]
    order: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    spacing: tuple[float, float, float] | None


def is_mrc(head: bytes) -> bool:
    """Whether the first 212 bytes, unpacked, are those of an MRC file of 2000 or later."""
    return head[208:211] == b"MAP" and head[208:212] in (b"MAP ", b"MAP\0")


def read_mrc(data: bytes, bounds: Bounds) -> Scan:
    """A volume with its axes in the order Z, Y, X, whatever the order in the file.

    Raises:
        ItemRejected: The file is damaged, too large, or holds no volume.
    """
    with reading(KIND):
        header = _read_header(data, bounds)
        raw = unpack_voxels(data, header.offset, math.prod(header.shape), header.dtype).reshape(header.shape)
        return Scan(
            voxels=apply_scale(raw.transpose(header.order), 1, 0),
            format=KIND,
            spacing=header.spacing,
        )


def read_mrc_shape(data: bytes, bounds: Bounds) -> tuple[int, ...]:
    """(Z, Y, X) by the header alone; raises as `read_mrc`."""
    with reading(KIND):
        header = _read_header(data, bounds)
        return tuple(header.shape[axis] for axis in header.order)


def _read_header(data: bytes, bounds: Bounds) -> MrcHeader:
    layout = import_reader("mrcfile.dtypes", KIND).HEADER_DTYPE
    rules = import_reader("mrcfile.utils", KIND)
    head = unpack_header(data, HEADER_BYTES, HEADER_BYTES)
    order = rules.byte_order_from_machine_stamp(np.frombuffer(head, layout)[0]["machst"])
    header = np.frombuffer(head, layout.newbyteorder(order))[0]
    shape = (int(header["nz"]), int(header["ny"]), int(header["nx"]))
    extended = int(header["nsymbt"])
    if min(shape) < 1 or not 0 <= extended <= MAX_EXTENDED:
        raise ItemRejected("truncated", f"a header with {shape} voxels and {extended} bytes before them")
    mode = int(header["mode"])
    known = {rules.mode_from_dtype(np.dtype(name)): np.dtype(name) for name in ("i1", "i2", "f4", "u2", "f2")}
    if mode not in known:
        raise ItemRejected("unsupported", f"voxels of mode {mode}; whole and real numbers are read (0, 1, 2, 6, 12)")
    bounds.check(shape)
    _refuse_stacks(int(header["ispg"]), int(header["mz"]), shape[0])
    axes = [int(header[name]) for name in ("maps", "mapr", "mapc")]  # 1 is X, 2 is Y, 3 is Z
    if axes == [0, 0, 0]:
        axes = [3, 2, 1]
    if sorted(axes) != [1, 2, 3]:
        raise ItemRejected("truncated", f"axes {axes[::-1]}, expected 1, 2 and 3 in some order")
    places = tuple(axes.index(axis) for axis in (3, 2, 1))
    bounds.check_slices(tuple(shape[place] for place in places))
    return MrcHeader(
        shape=shape,
        order=places,
        dtype=known[mode].newbyteorder(order),
        offset=HEADER_BYTES + extended,
        spacing=_spacing(header),
    )


def _refuse_stacks(group: int, intervals: int, sections: int) -> None:
    if group >= FIRST_VOLUME_STACK:
        raise ItemRejected("unsupported", "a stack of several volumes; write each as a file of its own")
    if group == STACK and intervals == 1 and sections > 1:
        raise ItemRejected("unsupported", f"a stack of {sections} pictures, no volume (ispg 0 and mz 1)")


def _spacing(header: Any) -> tuple[float, float, float] | None:
    """Of Z, Y and X in mm: the edge of the cell by its number of intervals."""
    cell, counts = header["cella"], (int(header["mz"]), int(header["my"]), int(header["mx"]))
    if min(counts) < 1:
        return None
    lengths = (float(cell[axis]) / count for axis, count in zip("zyx", counts, strict=True))
    return checked_spacing(tuple(length * MM_PER_ANGSTROM for length in lengths))
