"""The clip formats that are read, by their first bytes, and the message for another file."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath
from typing import Literal

from pipeline.core.errors import ItemRejected
from pipeline.core.sample_codec import FileSet
from pipeline.images.formats import AVIF_BRANDS, HEIF_BRANDS, is_picture_name

Container = Literal["mov", "matroska", "avi", "gif", "webp"]

ANIMATIONS = ("gif", "webp")  # decoded by Pillow, the others by FFmpeg under these names
SUFFIXES = frozenset([".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".gif", ".webp"])
ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # that a QuickTime file may begin with
READ = "mp4, mov, avi, mkv, webm, gif, animated webp and folders of pictures are read"


def container_of(data: bytes) -> Container:
    """The container that its first bytes say; a name plays no part.

    FFmpeg is given it, so that no list of other files (HLS, concat) is taken for a clip.

    Raises:
        ItemRejected: `empty`, or `not_a_clip`.
    """
    if not data:
        raise ItemRejected("empty", "0 bytes")
    head = bytes(data[:16])
    if head[4:8] in ATOMS and not (head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS | AVIF_BRANDS):
        return "mov"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    raise ItemRejected("not_a_clip", f"starts with {head[:8]!r}; {READ}")


def frame_files(files: FileSet) -> list[tuple[str, bytes]]:
    """Those files of a folder that are pictures by name, sorted by the numbers in their names: 2 before 10.

    Raises:
        ItemRejected: `no_frames`: there is none.
    """
    pictures = [(name, data) for name, data in files.files if is_picture_name(name)]
    if not pictures:
        raise ItemRejected("no_frames", f"a folder of {len(files.files)} files, none of them a picture")
    return sorted(pictures, key=lambda file: natural_key(file[0]))


def natural_key(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """By which names are sorted as a person sorts them: runs of digits as numbers, other text without case."""
    parts: list[tuple[int, int, str]] = []
    text = ""
    for character in [*PurePosixPath(name).as_posix().lower(), ""]:
        if text and (character == "" or character.isdecimal() != text[-1].isdecimal()):
            parts.append(_part(text))
            text = ""
        text += character
    return parts, name


def _part(text: str) -> tuple[int, int, str]:
    """A number by how many digits it has and then by these, since `int` refuses more than 4,300 of them."""
    if not text.isdecimal():
        return 1, 0, text
    digits = "".join(str(unicodedata.decimal(one)) for one in text).lstrip("0")
    return 0, len(digits), digits
