"""Which formats are read, and what is said of the others."""

import io
import struct

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from pipeline.core.errors import ItemRejected
from pipeline.images.decoding import Decoding, decode, image_size
from pipeline.images.formats import HEAD_BYTES, OTHER_SUFFIXES, SUFFIXES, expect_rejection, is_picture_name

LIMITS = Decoding(max_pixels=1_000_000)


def dng(*tags):
    """A little-endian TIFF of no pixels with the given tags (number, value)."""
    entries = b"".join(struct.pack("<HHII", number, 4, 1, value) for number, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


OTHERS = {
    "JPEG XL": b"\xff\x0a" + bytes(20),
    "JPEG XL, which": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(20),
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(20),
    "Photoshop": b"8BPS\0\1" + bytes(20),
    "OpenEXR": b"\x76\x2f\x31\x01" + bytes(20),
    "PDF": b"%PDF-1.7",
    "PostScript": b"%!PS-Adobe",
    "SVG": b"\xef\xbb\xbf <?xml version='1.0'?><svg/>",
    "SVG, a drawing": b"<svg/>",
    "DICOM": bytes(128) + b"DICM",
    "NIfTI": bytes(344) + b"n+1\0",
    "HDF5": b"\x89HDF\r\n\x1a\n",
    "a NumPy array": b"\x93NUMPY\1\0",
    "Canon CR2": b"II*\0\x10\0\0\0CR\x02\0",
    "Canon CR3": b"\0\0\0\x18ftypcrx \0\0\0\1",
    "Olympus ORF": b"IIRO\x08\0\0\0",
    "Panasonic RW2": b"IIU\0\x18\0\0\0",
    "Fujifilm RAF": b"FUJIFILMCCD-RAW 0201",
    "Adobe DNG": dng((254, 0), (50706, 1)),
    "a TIFF that begins with a preview": dng((254, 1), (330, 8)),
    "MP4 or QuickTime": b"\0\0\0\x18ftypmp42\0\0\0\0",
    "AVI": b"RIFF\0\0\0\0AVI LIST",
    "Matroska": b"\x1aE\xdf\xa3" + bytes(20),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_is_not_read_is_named_with_what_helps(what):
    for look in (expect_rejection, lambda data: decode(data, LIMITS), image_size):
        try:
            found = look(OTHERS[what])
        except ItemRejected as refused:
            found = refused
        assert found.reason == "unsupported"
        assert found.detail.startswith(what)
        assert len(found.detail.split(": ")[-1]) > 10


def test_a_name_tells_where_the_bytes_do_not():
    assert expect_rejection(bytes(20)).detail == f"starts with {bytes(8)!r}"
    rejection = expect_rejection(bytes(20), "ct/0001.DCM")
    assert (rejection.reason, rejection.detail[-60:]) == (
        "not_a_picture",
        expect_rejection(bytes(20), "a.dcm").detail[-60:],
    )
    assert "; if it is DICOM: media=volume reads it" in rejection.detail
    assert expect_rejection(b"", "a.png").reason == "empty"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF"])
def test_what_is_read_is_tried(encode, noise, kind):
    data = encode(noise(), kind)
    assert expect_rejection(data[:HEAD_BYTES]) is None
    assert image_size(data) == (32, 24)
    seen = decode(data, LIMITS)
    assert (seen.shape, seen.dtype) == ((24, 32, 3), np.uint8)


def smooth():
    down, across = np.mgrid[0:48, 0:64]
    return np.dstack([across * 4, down * 5, np.full_like(down, 90)]).astype(np.uint8)


def test_avif(encode):
    seen = decode(encode(smooth(), "AVIF", quality=95), LIMITS)
    assert np.abs(seen.astype(int) - smooth()).mean() < 3


def heic(**options):
    found = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(smooth())).save(found, format="HEIF", quality=95, **options)
    return found.getvalue()


class TestHeic:
    def test_is_read(self):
        assert expect_rejection(heic()[:HEAD_BYTES]) is None
        assert image_size(heic()) == (64, 48)
        seen = decode(heic(), LIMITS)
        assert seen.shape == (48, 64, 3)
        assert np.abs(seen.astype(int) - smooth()).mean() < 3

    def test_orientation_is_applied_once(self):
        exif = Image.Exif()
        exif[0x0112] = 6
        turned = heic(exif=exif.tobytes())
        width, height = image_size(turned)
        assert decode(turned, LIMITS).shape[:2] == (height, width)

    def test_its_size_counts(self):
        with pytest.raises(ItemRejected, match=r"^too_large: .*64 x 48 pixels|^too_large: .*3072 pixels"):
            decode(heic(), Decoding(max_pixels=1000))

    @pytest.mark.parametrize("end", [20, 100, 400])
    def test_a_cut_one(self, end):
        with pytest.raises(ItemRejected, match=r"^truncated: "):
            decode(heic()[:end], LIMITS)


def test_suffixes():
    assert all(one == one.lower() and one.startswith(".") for one in SUFFIXES | OTHER_SUFFIXES)
    assert not SUFFIXES & OTHER_SUFFIXES
    assert is_picture_name("a/B.HEIC")
    assert not is_picture_name("a/b.jxl")
