"""NIfTI files: shape, scale and units of the header, and headers that announce what is not there."""

import gzip
import struct
from typing import Any

import nibabel
import numpy as np
import pytest
from volume_examples import LIMITS, canonical, nifti, voxels

from pipeline.core.errors import ItemRejected
from pipeline.images.decoding import REJECTION_REASONS
from pipeline.volumes.formats import read_scan, read_shape
from pipeline.volumes.scan import Bounds

STORED = voxels()
PLAIN = nifti(canonical(STORED), np.eye(4))


def patched(place: int, layout: str, *values: Any) -> bytes:
    data = bytearray(PLAIN)
    struct.pack_into(layout, data, place, *values)
    return bytes(data)


def refusal(data: bytes, limits: Bounds = LIMITS) -> str:
    with pytest.raises(ItemRejected) as caught:
        read_scan(data, limits)
    assert caught.value.reason in REJECTION_REASONS
    return str(caught.value)


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, lambda data: gzip.compress(data[:500]) + gzip.compress(data[500:])]
)
def test_plain_and_packed_also_in_several_members(pack: Any) -> None:
    scan = read_scan(pack(PLAIN), LIMITS)
    np.testing.assert_array_equal(scan.voxels, STORED)
    assert (scan.format, scan.spacing, scan.is_calibrated) == ("NIfTI", (1.0, 1.0, 1.0), False)


def test_version_2_big_endian_and_axes_of_one() -> None:
    two = nibabel.Nifti2Image(canonical(STORED)[..., None], np.eye(4)).to_bytes()
    np.testing.assert_array_equal(read_scan(two, LIMITS).voxels, STORED)
    header = nibabel.Nifti1Header(endianness=">")
    big = nibabel.Nifti1Image(canonical(STORED), np.eye(4), header).to_bytes()
    assert big[:4] == b"\0\0\1\x5c"
    np.testing.assert_array_equal(read_scan(big, LIMITS).voxels, STORED)
    assert read_shape(big, LIMITS) == STORED.shape


def test_the_scale_of_the_header() -> None:
    scan = read_scan(nifti(canonical(STORED), np.eye(4), slope=2, inter=-1024), LIMITS)
    assert scan.is_calibrated
    np.testing.assert_array_equal(scan.voxels, STORED * np.float32(2) - 1024)
    assert read_scan(nifti(canonical(STORED), np.eye(4), slope=1), LIMITS).is_calibrated


@pytest.mark.parametrize(("code", "factor"), [(0, 1), (1, 1000), (2, 1), (3, 0.001), (7, 1)])
def test_units_of_length(code: int, factor: float) -> None:
    assert read_scan(patched(123, "B", code), LIMITS).spacing == pytest.approx((factor,) * 3)


def test_no_word_of_the_header_is_read() -> None:
    data = bytearray(PLAIN)
    data[148:160] = b"GRIMALDI OTT"  # descrip
    assert read_scan(bytes(data), LIMITS).attributes == {}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            nifti(np.zeros((3, 4, 5, 6), np.int16), np.eye(4)),
            "unsupported: an array of 3 x 4 x 5 x 6, which has 4 axes",
        ),
        (nifti(np.zeros((3, 4), np.int16), np.eye(4)), "unsupported: an array of 3 x 4, which has 2 axes"),
        (nifti(np.zeros((3, 4, 1), np.int16), np.eye(4)), "unsupported: 3 x 4 x 1 voxels; a volume has at least 2"),
        (nifti(np.zeros((3, 4, 5), np.complex64), np.eye(4)), "unsupported: voxels of the type complex64"),
        (patched(70, "<2h", 128, 24), "unsupported: voxels of the type [('R', 'u1')"),
        (patched(70, "<h", 9999), "truncated: a damaged NIfTI file (KeyError)"),
        (patched(40, "<8h", 3, 32767, 32767, 32767, 1, 1, 1, 1), "too_large: 32767 x 32767 x 32767 voxels, at most"),
        (patched(40, "<8h", 3, -5, 6, 4, 1, 1, 1, 1), "truncated: a header with the shape"),
        (patched(40, "<8h", 99, 5, 6, 4, 1, 1, 1, 1), "truncated: a header with the shape"),
        (patched(40, "<8h", 3, 5, 6, 0, 1, 1, 1, 1), "truncated: a header with the shape"),
        (patched(108, "<f", np.nan), "truncated: the voxels begin at byte nan"),
        (patched(108, "<f", 1e30), "truncated: the voxels begin at byte 1e+30"),
        (patched(280, "<f", np.nan), "truncated: the axes of the volume have no direction"),
        (patched(112, "<2f", 1, np.inf), "truncated: a scale of 1.0 and inf, which is none"),
        (patched(344, "4s", b"ni1\0"), "unsupported: a NIfTI pair of .hdr and .img"),
        (PLAIN[:400], "truncated: 400 bytes, where the header announces 592"),
        (gzip.compress(PLAIN)[:-40], "truncated: the gzip data are damaged"),
        (gzip.compress(PLAIN[:348]), "truncated: 348 bytes, where the header announces 592"),
        (b"", "empty: no bytes"),
        (b"\x1f\x8b" + b"x" * 40, "truncated: the gzip data are damaged"),
        (gzip.compress(b"text"), "not_a_volume: the file in this gzip does not begin as"),
        (b"NRRD0004", "unsupported: NRRD; convert it to NIfTI"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_refused(data: bytes, expected: str) -> None:
    assert refusal(data).startswith(expected)


def test_a_bomb_is_unpacked_as_far_as_the_header_says() -> None:
    """400 MB of zeros behind a small volume, in 400 kB: they are never unpacked."""
    tail = gzip.compress(bytes(4_000_000), 9) * 100
    scan = read_scan(gzip.compress(PLAIN) + tail, LIMITS)
    np.testing.assert_array_equal(scan.voxels, STORED)
    bomb = gzip.compress(patched(40, "<8h", 3, 3000, 3000, 3000, 1, 1, 1, 1)) + tail
    assert refusal(bomb).startswith("too_large: 3000 x 3000 x 3000 voxels, at most 100,000 allowed (media.max_voxels)")


def test_large_slices_are_refused_after_they_are_turned() -> None:
    assert refusal(PLAIN, Bounds(max_voxels=999, max_pixels=29)).startswith("too_large: slices of 6 x 5, at most 29")
