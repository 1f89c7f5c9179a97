"""Lists the files below a folder in a fixed order; follows links except loops, skips hidden files and tools' files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple, final

from pipeline.core.errors import UserError

MAX_LINKED = 100_000  # folders entered through links; a few links that cross lead to very many
OF_TOOLS = frozenset(  # files and folders that systems and programs add, in lower case
    [
        *("__macosx", "@eadir", "#recycle", "@recycle", "@recently-snapshot", "#snapshot", "lost+found"),
        *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "picasa.ini", "icon\r", "$recycle.bin"),
        *("system volume information", ".ds_store", ".ipynb_checkpoints", ".picasa.ini", ".@__thumb", ".thumbnails"),
    ]
)


@final
@dataclass(frozen=True)
class Listing:
    """The files and folders below a folder; paths are POSIX and relative to it.

    Attributes:
        files: For each folder its sorted files, then those of its sorted sub-folders; with links, also broken ones.
        odd: Those that cannot be read as files: pipes, devices, broken links, links to themselves.
        folders: In the same order.
        linked: Folders that are links.
        unlisted: Folders that cannot be opened.
        loops: Links to a folder that contains them; skipped.
        of_tools: Names of files and folders of programs, with their counts; skipped.
    """

    files: list[str] = field(default_factory=list)
    odd: set[str] = field(default_factory=set)
    folders: list[str] = field(default_factory=list)
    linked: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    loops: list[str] = field(default_factory=list)
    of_tools: Counter[str] = field(default_factory=Counter)

    @property
    def ordinary(self) -> list[str]:
        """Regular files, and links to them."""
        return [path for path in self.files if path not in self.odd]

    @property
    def empty(self) -> list[str]:
        """Folders that could be opened and hold no file at any depth."""
        filled = folders_around([*self.files, *(f"{folder}/" for folder in self.unlisted)])
        return [folder for folder in self.folders if folder not in filled]

    def below(self, folder: str) -> Listing:
        """The listing of one of its folders, without `of_tools`."""
        start = f"{folder}/"
        files, folders, linked, unlisted, loops = (
            [path.removeprefix(start) for path in paths if path.startswith(start)]
            for paths in (self.files, self.folders, self.linked, self.unlisted, self.loops)
        )
        odd = {path.removeprefix(start) for path in self.odd if path.startswith(start)}
        return Listing(files=files, odd=odd, folders=folders, linked=linked, unlisted=unlisted, loops=loops)


def folders_around(files: Iterable[str]) -> set[str]:
    """The folders that hold files, at any depth, as POSIX paths; without the root."""
    folders: set[str] = set()
    for folder in {path.rpartition("/")[0] for path in files}:
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


KNOWN: ContextVar[dict[Path, Listing] | None] = ContextVar("known", default=None)


@contextmanager
def listed_once() -> Iterator[None]:
    """Within the context no folder is listed twice: `walk` takes a folder from the listing of one that contains it."""
    token = KNOWN.set({})
    try:
        yield
    finally:
        KNOWN.reset(token)


def _earlier_listing(root: Path) -> Listing | None:
    """The listing of a folder from an earlier complete listing of it or of a folder that contains it; else None."""
    full = Path(os.path.abspath(root))  # noqa: PTH100 - a link stays one
    for listed, found in (KNOWN.get() or {}).items():
        if found.unlisted or not full.is_relative_to(listed):
            continue
        folder = full.relative_to(listed).as_posix()
        if folder == ".":
            return found
        if folder in found.folders and not any(f"{folder}/".startswith(f"{one}/") for one in found.linked):
            return found.below(folder)
    return None


def is_of_tool(name: str) -> bool:
    """Whether a program gives this name to its own files or folders, which are neither pictures nor classes."""
    return name.lower() in OF_TOOLS


def is_passed_over(path: str) -> bool:
    """Whether a part of a path is hidden (a leading dot) or of a tool."""
    return any(part.startswith(".") or is_of_tool(part) for part in PurePosixPath(path).parts)


def walk(root: Path, unlisted: Callable[[OSError], None] | None = None, max_files: int | None = None) -> Listing:
    """Lists all files below a folder.

    Within `listed_once` a listed folder is not listed again. Links to folders are followed, except to folders that
    contain the link itself or a link on the way to it, which would be endless. Hidden files and folders are skipped.

    Args:
        root: The folder.
        unlisted: Called for a folder below the root that cannot be opened.
        max_files: More are refused.

    Raises:
        OSError: The root itself cannot be opened.
        UserError: There are more than `max_files`, or links lead to more than 100,000 folders.
    """
    known = _earlier_listing(root)
    if known is not None and (max_files is None or len(known.files) <= max_files):
        return known
    found = Listing()
    waiting: list[Folder] = [Folder("", root.resolve(), ())]
    while waiting:
        folder = waiting.pop()
        try:
            waiting += reversed(list(_list_folder(root, folder, found)))
        except OSError as error:
            if not folder.path:
                raise
            if unlisted is not None:
                unlisted(error)
            found.unlisted.append(folder.path)
        if max_files is not None and len(found.files) > max_files:
            raise UserError(f"{str(root)!r} holds more than {max_files:,} files; name a smaller folder")
        if len(found.linked) > MAX_LINKED:
            raise UserError(
                f"{str(root)!r}: links lead to more than {MAX_LINKED:,} folders, the last is {found.linked[-1]!r}; "
                "name a folder whose links do not cross"
            )
    if (memory := KNOWN.get()) is not None:
        memory[Path(os.path.abspath(root))] = found  # noqa: PTH100 - a link stays one
    return found


class Folder(NamedTuple):
    """A folder to list: its path from the root, its real path, and the real folders of the links on the way to it."""

    path: str
    real: Path
    passed: tuple[Path, ...]


def _list_folder(root: Path, folder: Folder, found: Listing) -> Iterator[Folder]:
    """Adds a folder and its files to the listing, and yields its sub-folders."""
    with os.scandir(root / folder.path) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    if folder.path:
        found.folders.append(folder.path)
    for entry in listed:
        path = f"{folder.path}/{entry.name}" if folder.path else entry.name
        if is_of_tool(entry.name):
            found.of_tools[entry.name] += 1
        elif entry.name.startswith("."):
            continue
        elif not _is(entry, os.DirEntry.is_dir):
            found.files.append(path)
            if not _is(entry, os.DirEntry.is_file):
                found.odd.add(path)
        elif not entry.is_symlink():
            yield Folder(path, folder.real / entry.name, folder.passed)
        else:
            real, passed = (folder.real / entry.name).resolve(), (*folder.passed, folder.real)
            if any(one.is_relative_to(real) for one in passed):
                found.loops.append(path)
            else:
                found.linked.append(path)
                yield Folder(path, real, passed)


def _is(entry: os.DirEntry[str], kind: Callable[[os.DirEntry[str]], bool]) -> bool:
    try:
        return kind(entry)
    except OSError:  # a link that leads to itself
        return False
