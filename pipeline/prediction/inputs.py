"""The pictures that a call names: files, folders, patterns, archives, lists and remote trees, in a fixed order."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from pipeline.core import artifacts
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.uris import mask_credentials
from pipeline.datasets.discovery.name_resolution import PICTURE_SUFFIXES, suffix
from pipeline.datasets.trees import unpacked_tree
from pipeline.datasets.trees.archive_entries import is_archive
from pipeline.datasets.trees.archive_stream import stream_files
from pipeline.datasets.trees.remote_mirror import mirror
from pipeline.prediction.picture_files import list_pictures

LIST = "-"  # names a list of paths on standard input
TREES = Path(".cache/trees")
MAX_BYTES, MAX_FILES = 500_000_000_000, 2_000_000  # of a remote tree
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

        for name, content in stream_files(Path(self.path), is_next):
            if content is not None:
                yield f"{self.shown}/{name}", content

    def state(self) -> Iterator[str]:
        """What changes when the archive changes: its name, size and time."""
        yield f"{self.shown}\0{_stamp(self.path)}"


@final
@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The pictures to classify.

    Attributes:
        sections: In the order in which a person named them.
        left_out: Files whose suffix is not that of a picture.
    """

    sections: tuple[FileSection | ArchiveSection, ...]
    left_out: tuple[str, ...]

    def __len__(self) -> int:
        return sum(len(one.names) for one in self.sections)

    def read(self, rows: Collection[int]) -> Iterator[tuple[str, Content]]:
        """Name and content of the pictures at some positions, in their order.

        Args:
            rows: Positions, as a range or a set.

        Raises:
            UserError: An archive cannot be read any more.
        """
        before = 0
        for section in self.sections:
            if any(row in rows for row in range(before, before + len(section.names))):
                yield from section.read(lambda row, before=before: before + row in rows)  # type: ignore[misc]
            before += len(section.names)

    def digest(self) -> str:
        """64 hex digits over the names, sizes and times of the files, in their order."""
        state = hashlib.sha256()
        for section in self.sections:
            for line in section.state():
                state.update(line.encode(errors="backslashreplace") + b"\n")
        return state.hexdigest()


def list_inputs(names: Sequence[str], lines: Iterable[str] = ()) -> Inputs:
    """What names stand for: a file, a folder, a pattern, an archive, an address such as s3://bucket/folder, or a list.

    Args:
        names: `-` is the list.
        lines: Of the list, one name each and no pattern; a file of it that is missing becomes a row with that reason.

    Raises:
        UserError: A name does not exist, an archive or an address cannot be read, or there is no picture.
    """
    sections: list[FileSection | ArchiveSection] = []
    left_out: list[str] = []
    seen: set[str] = set()
    for name, is_listed in _each_name(names, lines):
        found, others = _find(name, is_listed)
        left_out += others
        for section in found:
            if isinstance(section, FileSection):
                new = [pair for pair in zip(section.names, section.paths, strict=True) if pair[0] not in seen]
                seen.update(one for one, _ in new)
                _add_files(sections, new)
            elif section.shown not in seen:
                seen.add(section.shown)
                sections.append(section)
    inputs = Inputs(sections=tuple(_freeze(sections)), left_out=tuple(dict.fromkeys(left_out)))
    if not len(inputs):
        rest = f" ({len(inputs.left_out):,} other files)" if inputs.left_out else ""
        what = ", ".join(map(repr, names))
        raise UserError(f"{what}: no picture in there{rest}; name a folder or an archive that holds pictures")
    return inputs


def is_picture(name: str) -> bool:
    """Whether a file below a folder, or in an archive, is taken: by its suffix, or because it has none."""
    return suffix(name) in PICTURE_SUFFIXES or not suffix(name)


def _each_name(names: Sequence[str], lines: Iterable[str]) -> Iterator[tuple[str, bool]]:
    for name in names:
        if name != LIST:
            yield name, False
            continue
        for line in lines:
            if text := line.rstrip("\r\n"):
                yield text, True


def _find(name: str, is_listed: bool) -> tuple[list[FileSection | ArchiveSection], tuple[str, ...]]:
    if "://" in name:
        return _find_remote(name)
    path = Path(name).expanduser()
    if not path.is_dir() and suffix(name) not in PICTURE_SUFFIXES and is_archive(path):
        return _open_archive(name, path)
    if is_listed and not path.is_dir():
        return [FileSection(names=(str(path),), paths=(str(path),))], ()
    found = list_pictures([name])
    return [FileSection(names=found.paths, paths=found.paths)], found.left_out


def _open_archive(shown: str, path: Path) -> tuple[list[FileSection | ArchiveSection], tuple[str, ...]]:
    pictures: list[str] = []
    others: list[str] = []
    for name, _ in stream_files(path, lambda _: False):
        (pictures if is_picture(name) else others).append(name)
    section = ArchiveSection(shown=shown, path=str(path), names=tuple(pictures))
    return [section], tuple(f"{shown}/{one}" for one in others)


def _find_remote(url: str) -> tuple[list[FileSection | ArchiveSection], tuple[str, ...]]:
    """The pictures of a remote tree, fetched to `.cache/trees/`; what was fetched before is not fetched again."""
    shown = mask_credentials(url).rstrip("/")
    tree = TREES / f"predict-{artifacts.content_digest(shown.encode())}"
    with unpacked_tree.lock_tree(tree):
        tree.mkdir(exist_ok=True)
        unpacked_tree.write_record(tree, [shown, "begun"], [])
        refused = mirror(url, {}, tree, MAX_BYTES, MAX_FILES)
        unpacked_tree.write_record(tree, [shown, "whole"], refused)
    archive = tree / shown.rpartition("/")[2]
    if archive.is_file() and is_archive(archive):
        return _open_archive(shown, archive)
    found = list_pictures([str(tree)])
    places = [Path(one).relative_to(tree).as_posix() for one in found.paths]
    is_one = places == [archive.name]
    names = tuple(shown if is_one else f"{shown}/{one}" for one in places)
    left_out = tuple(f"{shown}/{Path(one).relative_to(tree).as_posix()}" for one in found.left_out)
    return [FileSection(names=names, paths=found.paths)], left_out


def _add_files(sections: list[FileSection | ArchiveSection], new: list[tuple[str, str]]) -> None:
    if new:
        names, paths = zip(*new, strict=True)
        sections.append(FileSection(names=names, paths=paths))


def _freeze(sections: Sequence[FileSection | ArchiveSection]) -> Iterator[FileSection | ArchiveSection]:
    """The sections, files that follow each other in one of them: a list of 100,000 names has one section."""
    names: list[str] = []
    paths: list[str] = []
    for section in sections:
        if isinstance(section, FileSection):
            names += section.names
            paths += section.paths
            continue
        if names:
            yield FileSection(names=tuple(names), paths=tuple(paths))
            names, paths = [], []
        yield section
    if names:
        yield FileSection(names=tuple(names), paths=tuple(paths))


def _stamp(path: str) -> str:
    try:
        status = os.stat(path)  # noqa: PTH116 - 100,000 of them
    except (OSError, ValueError):
        return "missing"
    return f"{status.st_size} {status.st_mtime_ns}"
