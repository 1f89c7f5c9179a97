"""The formats of volumes, and the one reader of them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pipeline.core.errors import ItemRejected
from pipeline.core.sample_codec import FileSet
from pipeline.volumes import dicom, mrc, nifti, npy
from pipeline.volumes.compression import is_gzip, unpack
from pipeline.volumes.dicom_headers import is_dicom
from pipeline.volumes.scan import Bounds, Scan

SUFFIXES = frozenset([".nii", ".nii.gz", ".mrc", ".mrc.gz", ".map", ".map.gz", ".npy", *dicom.SUFFIXES])
ZIP_SUFFIX = ".zip"  # of a series that is sent as one file; in a folder of samples a zip is an archive
UNREAD = frozenset(
    [".nrrd", ".mha", ".mhd", ".mgh", ".mgz", ".hdr", ".img", ".par", ".rec", ".minc", ".mnc", ".nii.bz2"]
)
HEAD_BYTES = 600
CONVERT = "convert it to NIfTI"
OTHERS = (  # offset, bytes, what it is
    (0, b"NRRD", "NRRD"),
    (0, b"ObjectType", "MetaImage"),
    (0, b"\x89HDF\r\n\x1a\n", "HDF5 or MINC"),
    (0, b"\x89PNG", "PNG, a picture"),
    (0, b"\xff\xd8\xff", "JPEG, a picture"),
    (0, b"BZh", "bzip2"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
)


class Reader(NamedTuple):
    """How a format is read: all of it, or the shape by its header alone."""

    scan: Callable[[bytes, Bounds], Scan]
    shape: Callable[[bytes, Bounds], tuple[int, ...]]


NIFTI = Reader(nifti.read_nifti, nifti.read_nifti_shape)
MRC = Reader(mrc.read_mrc, mrc.read_mrc_shape)
NPY = Reader(npy.read_npy, npy.read_npy_shape)
DICOM = Reader(dicom.read_dicom, dicom.read_dicom_shape)


def volume_suffix(name: str) -> str:
    """The ending of a file's name in lower case, with `.nii` before `.gz`."""
    plain = name.rpartition("/")[2].lower()
    parts = plain.split(".")
    if len(parts) > 2 and parts[-1] in ("gz", "bz2"):
        return f".{parts[-2]}.{parts[-1]}"
    return f".{parts[-1]}" if len(parts) > 1 else ""


def read_scan(data: bytes | np.ndarray | FileSet, bounds: Bounds) -> Scan:
    """The volume in a file, in the files of a folder, or in an array.

    Raises:
        ItemRejected: It is none that is read, damaged, or too large.
    """
    if isinstance(data, np.ndarray):
        return npy.read_array(data, bounds)
    if isinstance(data, FileSet):
        return dicom.read_dicom(data, bounds)
    return _reader(data).scan(data, bounds)


def read_shape(data: bytes | np.ndarray | FileSet, bounds: Bounds) -> tuple[int, ...]:
    """(slices, rows, columns) by what is known before voxels are decoded; raises as `read_scan`."""
    if isinstance(data, np.ndarray):
        return npy.read_array(data, bounds).voxels.shape
    if isinstance(data, FileSet):
        return dicom.read_dicom_shape(data, bounds)
    return _reader(data).shape(data, bounds)


def _reader(data: bytes) -> Reader:
    """The reader of the format that the first bytes show.

    Raises:
        ItemRejected: There is none.
    """
    if not data:
        raise ItemRejected("empty", "no bytes")
    head = unpack(data, HEAD_BYTES)[:HEAD_BYTES]
    if nifti.is_nifti(head):
        return NIFTI
    if mrc.is_mrc(head):
        return MRC
    if npy.is_npy(data):
        return NPY
    if is_dicom(data) or dicom.is_zip(data):
        return DICOM
    for offset, magic, name in OTHERS:
        if head[offset : offset + len(magic)] == magic:
            raise ItemRejected("unsupported", f"{name}; {CONVERT}")
    packed = "the file in this gzip" if is_gzip(data) else "it"
    raise ItemRejected("not_a_volume", f"{packed} does not begin as NIfTI, DICOM, MRC or NPY does")
