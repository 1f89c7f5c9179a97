"""Pictures to classify that come from one place: files of this disk, an archive, or an address that lacks them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.trees.archive_stream import stream_files
from pipeline.media.suffixes import PICTURE_SUFFIXES, suffix

Content = str | bytes | ItemRejected  # a path is read by the process that decodes


@final
@dataclass(frozen=True, kw_only=True)
class FileSection:
    """Files on this disk.

    Attributes:
        names: As the table shows them.
        paths: Of the files, in the same order.
    """

    names: tuple[str, ...]
    paths: tuple[str, ...]

    def read(self, is_wanted: Callable[[int], bool]) -> Iterator[tuple[str, Content]]:
        """Name and path of those whose position is wanted."""
        for row, pair in enumerate(zip(self.names, self.paths, strict=True)):
            if is_wanted(row):
                yield pair

    def state(self) -> Iterator[str]:
        """What changes when a file changes: its name, size and time."""
        for name, path in zip(self.names, self.paths, strict=True):
            yield f"{name}\0{_stamp(path)}"


@final
@dataclass(frozen=True, kw_only=True)
class ArchiveSection:
    """The pictures of an archive, read one after the other.

    Attributes:
        shown: The name of the archive in the table.
        path: Of the archive.
        names: Of its pictures, in its order.
    """

    shown: str
    path: str
    names: tuple[str, ...]

    def read(self, is_wanted: Callable[[int], bool]) -> Iterator[tuple[str, Content]]:
        """Name and bytes of those whose position is wanted."""
        position = -1

        def is_next(name: str) -> bool:
            nonlocal position
            if not is_picture(name):
                return False
            position += 1
            return is_wanted(position)

        for name, content in stream_archive(self.path, is_next):
            if content is not None:
                yield f"{self.shown}/{name}", content

    def state(self) -> Iterator[str]:
        """What changes when the archive changes: its name, size and time."""
        yield f"{self.shown}\0{_stamp(self.path)}"


@final
@dataclass(frozen=True, kw_only=True)
class RefusedSection:
    """The pictures of an address that could not be fetched.

    Attributes:
        path: Of the folder to which the others were fetched.
        names: As the table shows them.
        reasons: Of each.
    """

    path: str
    names: tuple[str, ...]
    reasons: tuple[ItemRejected, ...]

    def read(self, is_wanted: Callable[[int], bool]) -> Iterator[tuple[str, Content]]:
        """Name and reason of those whose position is wanted."""
        for row, pair in enumerate(zip(self.names, self.reasons, strict=True)):
            if is_wanted(row):
                yield pair

    def state(self) -> Iterator[str]:
        """What changes when another file is refused, or for another reason."""
        for name, reason in zip(self.names, self.reasons, strict=True):
            yield f"{name}\0{reason.reason}"


Section = FileSection | ArchiveSection | RefusedSection


def is_picture(name: str) -> bool:
    """Whether a file below a folder, or in an archive, is taken: by its suffix, or because it has none."""
    return suffix(name) in PICTURE_SUFFIXES or not suffix(name)


def stream_archive(path: str, is_wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes | ItemRejected | None]]:
    """As `stream_files`.

    Raises:
        UserError: It cannot be read, for example because it was removed meanwhile.
    """
    try:
        yield from stream_files(Path(path), is_wanted)
    except OSError as error:
        raise UserError(f"{path!r} cannot be read: {error.strerror or error}; put it back, or leave it out") from None


def _stamp(path: str) -> str:
    try:
        status = os.stat(path)  # noqa: PTH116 - 100,000 of them
    except (OSError, ValueError):
        return "missing"
    return f"{status.st_size} {status.st_mtime_ns}"
