"""Pictures to classify that come from one place: files of this disk, an archive, or an address that lacks them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.safe_files import MAX_FILE_BYTES, check_file_name, stat_sample
from pipeline.core.sample_codec import FileSet
from pipeline.datasets.trees.archive_stream import stream_files

HEAD_BYTES = 2**16  # of a file of an archive, by which the kind of its folder is known
MAX_HEADS = 2**28  # bytes of all of them, beyond which names alone count
Content = str | bytes | FileSet | ItemRejected  # a path is read by the process that decodes


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
class FolderParts:
    """The files of one folder of an archive, as they arrive."""

    def __init__(self) -> None:
        self._files: list[tuple[str, bytes]] = []
        self._refused: ItemRejected | None = None
        self._left = MAX_FILE_BYTES

    def add(self, name: str, content: bytes | ItemRejected) -> None:
        """Adds a file; of too many bytes, or with a name that no disk takes, none is held."""
        try:
            check_file_name(name.rpartition("/")[2])
        except ItemRejected as refused:
            content = refused
        if isinstance(content, ItemRejected):
            self._refused = self._refused or content
        elif self._refused is None:
            self._left -= len(content)
            self._files.append((name.rpartition("/")[2], content))
            if self._left < 0:
                self._refused = ItemRejected("too_large", f"a folder of more than {MAX_FILE_BYTES} bytes")
        if self._refused is not None:
            self._files.clear()

    @property
    def content(self) -> FileSet | ItemRejected:
        """All files, sorted by name, or why one of them is not read."""
        return self._refused or FileSet(files=tuple(sorted(self._files)))


@final
@dataclass(frozen=True, kw_only=True)
class ArchiveSection:
    """The samples of an archive, read one after the other.

    Attributes:
        shown: The name of the archive in the table.
        path: Of the archive.
        places: Of its samples: a file, or a folder that is one sample; in the order in which each is complete.
        files: Each file that is read to the position of its sample.
    """

    shown: str
    path: str
    places: tuple[str, ...]
    files: Mapping[str, int]

    @property
    def names(self) -> tuple[str, ...]:
        return self.places

    def read(self, is_wanted: Callable[[int], bool]) -> Iterator[tuple[str, Content]]:
        """Name and content of those whose position is wanted."""
        missing = Counter(self.files.values())
        parts: dict[int, FolderParts] = {}
        seen: set[str] = set()

        def is_next(name: str) -> bool:
            is_new = name in self.files and name not in seen  # a name twice in an archive is read once
            seen.add(name)
            return is_new and is_wanted(self.files[name])

        for name, content in stream_archive(self.path, is_next):
            if content is None:
                continue
            position = self.files[name]
            shown = "/".join(filter(None, (self.shown, self.places[position])))
            if self.places[position] == name:
                yield shown, content
                continue
            missing[position] -= 1
            parts.setdefault(position, FolderParts()).add(name, content)
            if not missing[position]:
                yield shown, parts.pop(position).content

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


def list_archive(path: str, kind: Callable[[str], str]) -> tuple[list[str], dict[str, bytes]]:
    """The names of the files of an archive, and the first bytes of the first file of each kind in each folder.

    Args:
        path: Of the archive.
        kind: Of a file by its name; empty where nothing is read.

    Raises:
        UserError: As `stream_archive`.
    """
    names: list[str] = []
    heads: dict[str, bytes] = {}
    seen: set[tuple[str, str]] = set()
    left = MAX_HEADS

    def is_first(name: str) -> bool:
        place = (name.rpartition("/")[0], kind(name))
        is_new = bool(place[1]) and place not in seen and left > 0
        seen.add(place)
        return is_new

    for name, content in stream_archive(path, is_first):
        names.append(name)
        if isinstance(content, bytes):
            heads[name] = content[:HEAD_BYTES]
            left -= len(heads[name])
    return names, heads


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
    if os.path.isdir(path):  # noqa: PTH112 - as below
        folder, name = os.path.split(path)
        return str(stat_sample(Path(folder or "."), name))
    try:
        status = os.stat(path)  # noqa: PTH116 - 100,000 of them
    except (OSError, ValueError):
        return "missing"
    return f"{status.st_size} {status.st_mtime_ns}"
