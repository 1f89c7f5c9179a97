"""Bounded reading of an archive: a single read cannot fill the memory, all reads together cannot fill the disk."""

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
    """The bytes of an archive are damaged."""


class TooMuch(Exception):
    """An archive has more bytes than allowed."""


def decompress(path: Path) -> BinaryIO:
    """The plain bytes of a file, compressed by gzip, bzip2, xz or not at all, as its first bytes say."""
    with path.open("rb") as raw:
        start = raw.read(6)
    opened = next((opened for magic, opened in STARTS.items() if start.startswith(magic)), io.open)
    return cast("BinaryIO", opened(path, "rb"))


@final
class Stream:
    """The file that `tarfile` and `zipfile` read; it raises `TooMuch` or `Damaged` instead of filling memory or disk.

    Args:
        file: Plain or decompressing.
        max_bytes: How far it may be read.
        max_read: Largest number of bytes of one read; the archive itself says how long its names and tables are.

    Attributes:
        last: The bytes of the last read.
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
