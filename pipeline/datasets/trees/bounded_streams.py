"""Bytes of an archive as its reader asks for them, bounded: no single read fills the memory, all of them no disk."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from pathlib import Path
from typing import Any, BinaryIO, cast, final

CHUNK = 1024**2
STARTS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
READ_FAULTS = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError)


class Damaged(Exception):
    """The bytes are not what they should be."""


class TooMuch(Exception):
    """There are more bytes than are allowed."""


def decompress(path: Path) -> BinaryIO:
    """The plain bytes of a file, compressed by gzip, bzip2, xz or not at all; its first bytes tell."""
    with path.open("rb") as raw:
        start = raw.read(6)
    opened = next((opened for magic, opened in STARTS.items() if start.startswith(magic)), io.open)
    return cast("BinaryIO", opened(path, "rb"))


@final
class Stream:
    """What `tarfile` and `zipfile` read from: a file that ends in `TooMuch` or `Damaged` rather than in harm.

    Args:
        file: Plain or decompressing.
        max_bytes: How far it may be read.
        max_read: How much may be asked for at once: the length of a name or a table stands in the archive itself.

    Attributes:
        last: What the last read found.
    """

    def __init__(self, file: BinaryIO, max_bytes: int, max_read: int):
        self.file, self.max_bytes, self.max_read = file, max_bytes, max_read
        self.last = b""

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > self.max_read:
            size = self.max_read + 1
        try:
            self.last = self.file.read(size)
        except READ_FAULTS as error:
            raise Damaged(str(error) or type(error).__name__) from None
        if len(self.last) > self.max_read:
            raise TooMuch(f"one of its headers or tables has more than {self.max_read} bytes")
        self._bound(self.file.tell())
        return self.last

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_SET:
            self._bound(offset)
        try:
            return self.file.seek(offset, whence)
        except READ_FAULTS as error:
            raise Damaged(str(error) or type(error).__name__) from None

    def tell(self) -> int:
        return self.file.tell()

    def seekable(self) -> bool:
        return True

    def _bound(self, place: int) -> None:
        if place > self.max_bytes:
            raise TooMuch(f"it unpacks to more than {self.max_bytes} bytes (source.max_bytes, or its size)")
