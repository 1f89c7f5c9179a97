"""NIfTI files (.nii, .nii.gz), versions 1 and 2.

Of the header only shape, type, scale and orientation are read: descriptions and extensions, which may hold names, are
not. The voxels are read without nibabel's proxies, so that nothing is unpacked beyond what the header announces.

Source: the NIfTI-1 and NIfTI-2 data formats, https://nifti.nimh.nih.gov.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from pipeline.core.errors import ItemRejected
from pipeline.volumes.compression import unpack_header, unpack_voxels
from pipeline.volumes.orientation import stored_shape, to_stored_axes
from pipeline.volumes.scan import Bounds, Scan, apply_scale, checked_spacing, import_reader, reading

if TYPE_CHECKING:
    from nibabel import Nifti1Header

KIND = "NIfTI"
HEADER_BYTES = 540  # of version 2
MIN_HEADER = 348  # of version 1
MAX_OFFSET = 2**26  # of the voxels: extensions before them are skipped
MAGIC = {b"n+1\0": (344, MIN_HEADER), b"n+2\0": (4, HEADER_BYTES)}
PAIRS = {b"ni1\0": 344, b"ni2\0": 4}
UNITS = {"meter": 1000.0, "micron": 0.001}  # in mm
KNOWN_CODES = ("qform_code", "sform_code")


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class NiftiHeader:
    """What is needed of a header.

    Attributes:
        shape: Of the three axes of the file.
        dtype: Of a voxel as stored.
        offset: Of the first voxel in the unpacked file.
        scale: Slope and intercept.
        is_scaled: Whether the file has a scale, also one that changes nothing.
        affine: 4 x 4, indices to mm (RAS+).
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    scale: tuple[float, float]
    is_scaled: bool
    affine: np.ndarray


def is_nifti(head: bytes) -> bool:
    """Whether the first bytes, unpacked, are those of a NIfTI file, also of one whose voxels are in a second file."""
    return any(head[place : place + 4] == magic for magic, place in _places().items())


def _places() -> dict[bytes, int]:
    return {**{magic: place for magic, (place, _) in MAGIC.items()}, **PAIRS}


def read_nifti(data: bytes, bounds: Bounds) -> Scan:
    """A volume in the stored orientation.

    Raises:
        ItemRejected: The file is damaged, too large, or holds no volume.
    """
    with reading(KIND):
        header = _read_header(data, bounds)
        raw = unpack_voxels(data, header.offset, math.prod(header.shape), header.dtype)
        raw = raw.reshape(header.shape, order="F")
        voxels, spacing = to_stored_axes(apply_scale(raw, *header.scale), header.affine)
        return Scan(
            voxels=voxels,
            format=KIND,
            spacing=checked_spacing(spacing),
            is_calibrated=header.is_scaled,
        )


def read_nifti_shape(data: bytes, bounds: Bounds) -> tuple[int, ...]:
    """(slices, rows, columns) by the header alone; raises as `read_nifti`."""
    with reading(KIND):
        header = _read_header(data, bounds)
        return stored_shape(header.shape, header.affine)


def _read_header(data: bytes, bounds: Bounds) -> NiftiHeader:
    nibabel = import_reader("nibabel", KIND)
    head = unpack_header(data, MIN_HEADER, HEADER_BYTES)
    if any(head[place : place + 4] == magic for magic, place in PAIRS.items()):
        raise ItemRejected("unsupported", "a NIfTI pair of .hdr and .img; write it as one .nii file")
    version = 2 if head[4:8] == b"n+2\0" else 1
    size = HEADER_BYTES if version == 2 else MIN_HEADER
    if len(head) < size:
        raise ItemRejected("truncated", f"{len(head)} bytes of a header of {size}")
    header = (nibabel.Nifti2Header if version == 2 else nibabel.Nifti1Header)(head[:size], check=False)
    shape = _shape(header)
    dtype = header.get_data_dtype()
    if dtype.kind not in "iuf":
        raise ItemRejected("unsupported", f"voxels of the type {dtype}; whole and real numbers are read")
    bounds.check(shape)
    offset = float(header["vox_offset"])
    if not size <= offset <= MAX_OFFSET:
        raise ItemRejected("truncated", f"the voxels begin at byte {offset:g}")
    affine = _affine(header)
    bounds.check_slices(stored_shape(shape, affine))
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    is_scaled = math.isfinite(slope) and slope != 0
    return NiftiHeader(
        shape=shape,
        dtype=dtype,
        offset=int(offset),
        scale=(slope, intercept) if is_scaled else (1.0, 0.0),
        is_scaled=is_scaled,
        affine=affine,
    )


def _shape(header: Nifti1Header) -> tuple[int, ...]:
    """The lengths of the axes, without those of 1 beyond the third."""
    dims = [int(value) for value in header["dim"]]
    if not 1 <= dims[0] <= 7 or min(dims[1 : dims[0] + 1]) < 1:
        raise ItemRejected("truncated", f"a header with the shape {dims}")
    shape = dims[1 : dims[0] + 1]
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    return tuple(shape)


def _affine(header: Nifti1Header) -> np.ndarray:
    """In mm; of a file without an orientation that of the older ANALYZE, as nibabel has it."""
    affine = np.array(header.get_best_affine(), dtype=np.float64)
    try:
        unit = header.get_xyzt_units()[0]
    except KeyError:  # a number that means no unit
        unit = "unknown"
    affine[:3] *= UNITS.get(unit, 1.0)
    return affine
