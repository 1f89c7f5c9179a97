"""Reads the files of a zip or tar archive one after the other, without writing them to the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.core.errors import ItemRejected
from pipeline.core.safe_files import MAX_FILE_BYTES
from pipeline.datasets.discovery.file_walk import is_passed_over
from pipeline.datasets.sources.items import printable
from pipeline.datasets.trees.archive_entries import (
    REFUSED_KINDS,
    Bounds,
    Entry,
    list_entries,
    read_chunks,
    refuse_unreadable,
)
from pipeline.datasets.trees.bounded_streams import TooMuch

MAX_BYTES = 500_000_000_000  # of all contents together; also at most 200 times the size of the archive
MAX_ENTRIES = 2_000_000


def stream_files(path: Path, is_wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes | ItemRejected | None]]:
    """The name and the bytes of each file, in the order of the archive; hidden ones are passed over.

    No file is written, so a name that leaves the archive does no harm. A link, a device, an encrypted or damaged entry
    and one of more than 512 MiB is a refusal.

    Args:
        path: Of the archive.
        is_wanted: Called once for each name, in order; where it says no the content is None and is not read.

    Raises:
        UserError: It is no archive, is damaged, or is beyond the bounds.
    """
    bounds = Bounds(MAX_BYTES, MAX_ENTRIES)
    allowed = left = bounds.bytes_of(path.stat().st_size)
    with refuse_unreadable(path):
        for entry in list_entries(path, allowed, bounds, None):
            name = printable(entry.name)
            if entry.kind == "folder" or is_passed_over(name):
                continue
            if not is_wanted(name):
                yield name, None
                continue
            content = _read(entry, left)
            left -= len(content) if isinstance(content, bytes) else 0
            yield name, content


def _read(entry: Entry, left: int) -> bytes | ItemRejected:
    """The content of an entry.

    Raises:
        TooMuch: It has more than `left` bytes.
    """
    if entry.name_fault:
        return ItemRejected("bad_name", f"entry: {entry.name_fault}")
    if entry.kind in REFUSED_KINDS:
        return ItemRejected("unreadable", f"entry: {REFUSED_KINDS[entry.kind]}")
    if entry.kind == "link":
        return ItemRejected("unreadable", "entry: a link; name the file that it leads to, or unpack the archive")
    content = bytearray()
    try:
        for chunk in read_chunks(entry.open, entry.faults):
            content += chunk
            if len(content) > left:
                raise TooMuch("it unpacks to more bytes than 200 times its size")
            if len(content) > MAX_FILE_BYTES:
                return ItemRejected("too_large", f"more than {MAX_FILE_BYTES} bytes")
    except ItemRejected as refused:
        return refused
    return bytes(content)
