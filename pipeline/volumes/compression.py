"""Bytes of a gzip file, unpacked up to a limit."""

from __future__ import annotations

import gzip
import io
import zlib

from pipeline.core.errors import ItemRejected

GZIP = b"\x1f\x8b"


def is_gzip(data: bytes) -> bool:
    return data[:2] == GZIP


def unpack(data: bytes, size: int) -> bytes:
    """The first `size` bytes of what was packed, fewer where it ends before; the data themselves if not packed.

    Raises:
        ItemRejected: The packed data are damaged.
    """
    if not is_gzip(data):
        return data
    pieces, left = [], size
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            while left > 0 and (piece := stream.read(min(left, 2**24))):
                pieces.append(piece)
                left -= len(piece)
    except (OSError, EOFError, zlib.error) as error:
        if size > sum(map(len, pieces)):
            raise ItemRejected("truncated", f"the gzip data are damaged ({error})") from None
    return b"".join(pieces)
