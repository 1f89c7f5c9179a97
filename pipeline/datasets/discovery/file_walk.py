"""The files below a folder, in one order: links followed but for loops, hidden files and those of tools passed over."""

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

MAX_LINKED = 100_000  # folders entered through links, of which a few crossed ones make a great many
OF_TOOLS = frozenset(  # what systems and programs put beside pictures, in lower case
    [
        *("__macosx", "@eadir", "#recycle", "@recycle", "@recently-snapshot", "#snapshot", "lost+found"),
        *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "picasa.ini", "icon\r", "$recycle.bin"),
        *("system volume information", ".ds_store", ".ipynb_checkpoints", ".picasa.ini", ".@__thumb", ".thumbnails"),
    ]
)


@final
@dataclass(frozen=True)
class Listing:
    """What lies below a folder; paths are POSIX and relative to it.

    Attributes:
        files: Of each folder its files, sorted, then its folders, sorted; links to files, and to nothing, among them.
        odd: Those of them that are no files to read: pipes, devices, links to nothing or to themselves.
        folders: In the same order.
        linked: Folders that are links.
        unlisted: Folders that cannot be opened.
        loops: Links to a folder around them, passed over.
        of_tools: Names of files and folders that programs made to how often they stand there; passed over.
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
        """The files that are ones, or links to one."""
        return [path for path in self.files if path not in self.odd]

    @property
    def empty(self) -> list[str]:
        """Folders without a file at any depth that could be opened."""
        filled = folders_around([*self.files, *(f"{folder}/" for folder in self.unlisted)])
        return [folder for folder in self.folders if folder not in filled]

    def below(self, folder: str) -> Listing:
        """What lies below one of its folders, as if that had been listed itself; without what tools left there."""
        start = f"{folder}/"
        files, folders, linked, unlisted, loops = (
            [path.removeprefix(start) for path in paths if path.startswith(start)]
            for paths in (self.files, self.folders, self.linked, self.unlisted, self.loops)
        )
        odd = {path.removeprefix(start) for path in self.odd if path.startswith(start)}
        return Listing(files=files, odd=odd, folders=folders, linked=linked, unlisted=unlisted, loops=loops)


def folders_around(files: Iterable[str]) -> set[str]:
    """The folders that hold files, at any depth, as POSIX paths; without the root."""
    found: set[str] = set()
    for folder in {path.rpartition("/")[0] for path in files}:
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


KNOWN: ContextVar[dict[Path, Listing] | None] = ContextVar("known", default=None)


@contextmanager
def listed_once() -> Iterator[None]:
    """Within it no folder is listed twice: one that lies in a folder which `walk` has listed is taken from that."""
    token = KNOWN.set({})
    try:
        yield
    finally:
        KNOWN.reset(token)


def _earlier_listing(root: Path) -> Listing | None:
    """The listing of a folder that was listed before, or lies in one that was, unless a part of it could not be."""
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
    """Whether a program gives this name to a file or folder of its own, which is nobody's picture and no class."""
    return name.lower() in OF_TOOLS


def is_passed_over(path: str) -> bool:
    """Whether a part of a path is hidden (a leading dot) or of a tool."""
    return any(part.startswith(".") or is_of_tool(part) for part in PurePosixPath(path).parts)


def walk(root: Path, unlisted: Callable[[OSError], None] | None = None, max_files: int | None = None) -> Listing:
    """Lists all files below a folder.

    Within `listed_once` a folder that is known is not listed again. Links to folders are followed wherever they lead on
    this disk, but for folders that hold the link itself or one that was followed on the way to it: those would be
    endless. Hidden files and folders are passed over.

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
    """A folder to list: its path from the root, where it really is, and where the links on the way to it really are."""

    path: str
    real: Path
    left: tuple[Path, ...]


def _list_folder(root: Path, folder: Folder, found: Listing) -> Iterator[Folder]:
    """The folders in one; its files are noted."""
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
            yield Folder(path, folder.real / entry.name, folder.left)
        else:
            real, left = (folder.real / entry.name).resolve(), (*folder.left, folder.real)
            if any(one.is_relative_to(real) for one in left):
                found.loops.append(path)
            else:
                found.linked.append(path)
                yield Folder(path, real, left)


def _is(entry: os.DirEntry[str], kind: Callable[[os.DirEntry[str]], bool]) -> bool:
    try:
        return kind(entry)
    except OSError:  # a link that leads to itself
        return False
