"""The formats that are read, and the message for a file in another format."""

from __future__ import annotations

import struct
from pathlib import PurePosixPath

from pipeline.core.errors import ItemRejected

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF")  # in Pillow's names
SUFFIXES = frozenset([
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".tif", ".tiff", ".bmp", ".dib", ".gif",
    ".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".heic", ".heif", ".hif",
])  # fmt: skip
HEAD_BYTES = 4096
HEIF_BRANDS = frozenset([b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"])
AVIF_BRANDS = frozenset([b"avif", b"avis"])

PICTURE = "convert it to PNG"
RAW = "a camera's raw file: develop it to TIFF, PNG or JPEG"
DOCUMENT = "export its pages as PNG"
SLICES = "write its slices as PNG of 16 bits, and the values of black and white to ingest.grey_scale"
VOLUME = "media=volume reads it (docs/volumes.md); for single slices PNG of 16 bits"
VIDEO = "media=clip reads it (docs/clips.md); for single frames ffmpeg -i FILE -vf fps=1 %05d.png"
MAGIC = (  # offset, bytes, what it is, what helps
    (0, b"\xff\x0a", "JPEG XL", PICTURE),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL", PICTURE),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000", PICTURE),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000", PICTURE),
    (0, b"8BPS", "Photoshop", PICTURE),
    (0, b"\x76\x2f\x31\x01", "OpenEXR", PICTURE),
    (0, b"#?RADIANCE", "Radiance HDR", PICTURE),
    (0, b"qoif", "QOI", PICTURE),
    (0, b"DDS ", "DirectDraw", PICTURE),
    (0, b"\0\0\1\0", "an icon", PICTURE),
    (0, b"gimp xcf", "GIMP", PICTURE),
    (8, b"CR\x02", "Canon CR2", RAW),
    (0, b"IIRO", "Olympus ORF", RAW),
    (0, b"IIRS", "Olympus ORF", RAW),
    (0, b"MMOR", "Olympus ORF", RAW),
    (0, b"IIU\0", "Panasonic RW2", RAW),
    (0, b"FUJIFILMCCD-RAW", "Fujifilm RAF", RAW),
    (0, b"FOVb", "Sigma X3F", RAW),
    (4, b"ftypcrx ", "Canon CR3", RAW),
    (0, b"%PDF-", "PDF", DOCUMENT),
    (0, b"%!PS", "PostScript", DOCUMENT),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript", DOCUMENT),
    (0, b"AT&TFORM", "DjVu", DOCUMENT),
    (128, b"DICM", "DICOM", VOLUME),
    (344, b"n+1\0", "NIfTI", VOLUME),
    (0, b"NRRD", "NRRD", SLICES),
    (0, b"SIMPLE  =", "FITS", SLICES),
    (0, b"\x89HDF\r\n\x1a\n", "HDF5", SLICES),
    (0, b"\x93NUMPY", "a NumPy array", VOLUME),
    (8, b"AVI ", "AVI, a film", VIDEO),
    (0, b"\x1aE\xdf\xa3", "Matroska or WebM, a film", VIDEO),
    (0, b"\0\0\1\xba", "MPEG, a film", VIDEO),
    (4, b"moov", "QuickTime, a film", VIDEO),
    (4, b"ftyp", "MP4 or QuickTime, a film", VIDEO),  # after the pictures that begin alike
)
NAMED = {  # formats that are known better by the name than by the first bytes
    **dict.fromkeys([".dcm", ".dicom"], ("DICOM", VOLUME)),
    ".nii": ("a volume", VOLUME),
    **dict.fromkeys([".mha", ".mhd"], ("a volume", SLICES)),
    **dict.fromkeys([".raw", ".pef", ".srw", ".3fr", ".iiq", ".nrw"], ("raw data", RAW)),
    ".tga": ("Targa", PICTURE),
}
OTHER_SUFFIXES = frozenset([  # of pictures; documents, films and arrays among pictures are no items
    *NAMED, ".jxl", ".jp2", ".j2k", ".jpx", ".psd", ".exr", ".hdr", ".qoi", ".dds",
    ".cr2", ".cr3", ".nef", ".dng", ".arw", ".orf", ".rw2", ".raf", ".x3f", ".nrrd", ".fits", ".fit",
])  # fmt: skip
SUBFILE, SUB_IFDS, DNG_VERSION = 254, 330, 50706  # tags of TIFF 6.0, TIFF/EP and Adobe's DNG


def is_picture_name(name: str) -> bool:
    """Whether its suffix is that of a format that is read."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def is_heif(head: bytes) -> bool:
    """Whether it is a HEIC, or a HEIF whose header does not name the coding."""
    return head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS


def is_avif(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in AVIF_BRANDS


def expect_rejection(head: bytes, name: str = "") -> ItemRejected | None:
    """The rejection of a file that follows from its first bytes; None where ingest tries to decode it.

    Args:
        head: The first `HEAD_BYTES` bytes, or more.
        name: Its suffix adds to the detail where the bytes are of no known format; the reason does not depend on it.
    """
    if not head:
        return ItemRejected("empty", "0 bytes")
    if is_heif(head) or is_avif(head):
        return None
    known = next((one for one in MAGIC if head.startswith(one[1], one[0])), None) or _text(head)
    if known:
        return ItemRejected("unsupported", f"{known[2]}, which is not read: {known[3]}")
    if head.startswith((b"II*\0", b"MM\0*")):
        return _raw(head)
    if is_read(head):
        return None
    what, helps = NAMED.get(PurePosixPath(name).suffix.lower(), ("", ""))
    return ItemRejected(
        "not_a_picture", f"starts with {bytes(head[:8])!r}" + (f"; if it is {what}: {helps}" if what else "")
    )


def is_read(head: bytes) -> bool:
    """Whether its first bytes are those of a format that is read."""
    return (
        head.startswith(
            (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM", b"GIF87a", b"GIF89a")
        )
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or (head[:1] == b"P" and head[1:2] in b"123456fy" and len(head) > 2)
    )


def _text(head: bytes) -> tuple[int, bytes, str, str] | None:
    start = bytes(head[:HEAD_BYTES]).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<svg") or (start.startswith((b"<?xml", b"<!--", b"<!DOCTYPE svg")) and b"<svg" in start):
        return 0, b"", "SVG, a drawing", PICTURE
    return None


def _raw(head: bytes) -> ItemRejected | None:
    """The rejection of a camera's raw file in a TIFF, of which Pillow would read only the small preview; else None."""
    tags, more = first_tags(head)
    if DNG_VERSION in tags:
        return ItemRejected("unsupported", f"Adobe DNG, which is not read: {RAW}")
    if tags.get(SUBFILE, 0) & 1 and (SUB_IFDS in tags or more):
        return ItemRejected(
            "unsupported",
            f"a TIFF that begins with a preview of its picture, mostly {RAW}; else write the picture first",
        )
    return None


def first_tags(head: bytes) -> tuple[dict[int, int], bool]:
    """Tags of a classic TIFF's first page with their value or its offset, and whether more pages follow.

    Tags beyond the given bytes are left out.
    """
    order = "<" if head[:2] == b"II" else ">"
    tags: dict[int, int] = {}
    try:
        (place,) = struct.unpack_from(f"{order}I", head, 4)
        (number,) = struct.unpack_from(f"{order}H", head, place)
        for position in range(number):
            tag, kind, count, value = struct.unpack_from(f"{order}HHI4s", head, place + 2 + 12 * position)
            short = kind == 3 and count == 1
            tags.setdefault(
                tag, struct.unpack(f"{order}H", value[:2])[0] if short else struct.unpack(f"{order}I", value)[0]
            )
        (following,) = struct.unpack_from(f"{order}I", head, place + 2 + 12 * number)
    except struct.error:
        return tags, False
    return tags, following != 0
