"""Bytes of a gzip file, unpacked up to a limit, and the voxels that follow a header."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import Any

import numpy as np

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


def unpack_header(data: bytes, least: int, most: int) -> bytes:
    """The first `most` bytes of a file, unpacked; fewer where it is shorter.

    Raises:
        ItemRejected: The packed data are damaged, or there are fewer than `least`.
    """
    head = unpack(data, most)[:most]
    if len(head) < least:
        raise ItemRejected("truncated", f"{len(head)} bytes of a header of {least}")
    return head


def unpack_voxels(data: bytes, offset: int, count: int, dtype: np.dtype[Any]) -> np.ndarray:
    """(count,) numbers from byte `offset` of a file, unpacked no further than to their end.

    Raises:
        ItemRejected: The packed data are damaged, or end before.
    """
    end = offset + count * dtype.itemsize
    content = unpack(data, end)
    if len(content) < end:
        raise ItemRejected("truncated", f"{len(content):,} bytes, where the header announces {end:,}")
    return np.frombuffer(content, dtype, count, offset)
