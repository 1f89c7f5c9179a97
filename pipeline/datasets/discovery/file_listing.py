"""What lies at a path that a person named: the names of its files, and the edges of them; bounded, nothing decoded."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from os import SEEK_END
from pathlib import Path, PurePosixPath
from typing import Any, final

from pipeline.core.errors import UserError
from pipeline.datasets.discovery.file_walk import Listing, walk

MAX_FILES = 2_000_000
EDGE_BYTES = 1024 * 1024
MAX_DOCUMENTS = 100
MAX_NAMES = 200  # a document names: so many are looked up
MAX_NAMESAKES = 1000  # files of one name in different folders: so many are compared


@final
@dataclass(frozen=True, kw_only=True)
class FormatMatch:
    """How a source would read what lies at a place.

    Attributes:
        layout: What was found, in words.
        choices: The arguments of the constructor, all but `name` and `watch`.
        confidence: 1 where the content says what it is, 0.5 where names of files and folders do, less for a guess.
        notes: What was guessed or looks odd, a sentence each.
        missing: What a person must mend or say before it can be read, a sentence; empty where nothing is.
    """

    layout: str
    choices: Mapping[str, Any]
    confidence: float
    notes: Sequence[str] = ()
    missing: str = ""


@final
@dataclass(frozen=True, kw_only=True)
class FileListing:
    """A folder, or one file and the folder around it.

    Attributes:
        root: The folder, relative to the project where it lies inside, else absolute.
        files: POSIX paths relative to the root, sorted, as `walk` finds them.
        named: The one file that was asked for; None where the whole folder was.
        listing: What else `walk` met there.
    """

    root: Path
    files: tuple[str, ...]
    named: str | None = None
    listing: Listing = field(default_factory=Listing)

    def documents(self, wanted: Callable[[str], bool]) -> list[str]:
        """Files that may speak of the whole: the named one, or the first hundred that are at most one folder deep.

        Args:
            wanted: Whether a file's ending, in lower case and with the dot, is of interest.
        """
        shallow = sorted((path for path in self.files if path.count("/") <= 1), key=lambda path: path.count("/"))
        candidates = shallow if self.named is None else [self.named]
        return list(islice((one for one in candidates if wanted(PurePosixPath(one).suffix.lower())), MAX_DOCUMENTS))

    def has(self, path: str) -> bool:
        """Whether there is a file of this path, with or without a slash before it."""
        return path.lstrip("/") in self._files

    def at(self, path: str) -> str:
        """The path of a file or folder of this place, as conf/ names it."""
        return str(self.root / path)

    def head(self, path: str, size: int = EDGE_BYTES) -> bytes:
        """The first bytes of a file; nothing of one that cannot be read."""
        try:
            with (self.root / path).open("rb") as file:
                return file.read(size)
        except OSError:
            return b""

    def head_and_tail(self, path: str) -> bytes:
        """The first and the last bytes of a file, all of a small one; nothing of one that cannot be read."""
        try:
            with (self.root / path).open("rb") as file:
                first = file.read(EDGE_BYTES)
                file.seek(max(EDGE_BYTES, file.seek(0, SEEK_END) - EDGE_BYTES))
                return first + file.read(EDGE_BYTES)
        except OSError:
            return b""

    def common_parent(self, paths: Iterable[str], preferred: Callable[[str], bool] | None = None) -> str | None:
        """The folder, relative to the root, below which most of these relative paths lie; None where none does.

        Args:
            paths: Relative ones.
            preferred: Whether a folder goes before others that hold as many.
        """
        votes: Counter[str] = Counter()
        for path in islice(paths, MAX_NAMES):
            plain = path.replace("\\", "/").removeprefix("./")
            for candidate in self._namesakes[plain.rpartition("/")[2]]:
                if f"/{candidate}".endswith(f"/{plain}"):
                    votes[candidate.removesuffix(plain).rstrip("/")] += 1
        return (
            min(votes, key=lambda folder: (-votes[folder], preferred is not None and not preferred(folder), folder))
            if votes
            else None
        )

    def below(self, folder: str) -> FileListing:
        """One of its folders as a place of its own."""
        inside = tuple(path.removeprefix(f"{folder}/") for path in self.files if path.startswith(f"{folder}/"))
        return FileListing(root=self.root / folder, files=inside, listing=self.listing)

    @cached_property
    def folders(self) -> dict[str, int]:
        """Each folder directly below the root to the number of files in it, at any depth."""
        return dict(Counter(path.partition("/")[0] for path in self.files if "/" in path))

    @cached_property
    def _files(self) -> frozenset[str]:
        return frozenset(self.files)

    @cached_property
    def _namesakes(self) -> defaultdict[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for path in self.files:
            same = found[path.rpartition("/")[2]]
            if len(same) < MAX_NAMESAKES:
                same.append(path)
        return found


def list_files(path: Path, max_files: int = MAX_FILES) -> FileListing:
    """What lies at a path. A folder that holds one folder and nothing else stands for that one.

    Raises:
        UserError: There is nothing, it cannot be read, it holds no file or more than `max_files`.
    """
    root = project_path(path)
    try:
        if path.is_file():
            found = walk(root.parent, max_files=max_files)
            return FileListing(
                root=root.parent, files=tuple(sorted({*found.ordinary, root.name})), named=root.name, listing=found
            )
        if not path.is_dir():
            problem = "is neither a file nor a folder" if path.exists() else "does not exist"
            raise UserError(f"{str(path)!r} {problem}; name the folder that holds your pictures")
        found = walk(root, max_files=max_files)
        files = tuple(sorted(found.ordinary))
    except (OSError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        problem = getattr(error, "strerror", None) or str(error)
        raise UserError(f"{str(path)!r} cannot be opened: {problem}; mend its permissions or copy it") from None
    if not files:
        problem = "; ".join(list_obstacles(found)) or "it holds no file"
        raise UserError(f"{str(path)!r}: {problem}; name the folder that holds your pictures")
    place = FileListing(root=root, files=files, listing=found)
    while len(place.folders) == 1 and all("/" in one for one in place.files):
        place = place.below(next(iter(place.folders)))
    return place


def list_obstacles(listing: Listing) -> Iterator[str]:
    """What keeps files of a folder from being read, a part of a sentence each."""
    if listing.unlisted:
        yield f"{_folders(listing.unlisted)} cannot be opened (chmod -R u+rX mends that)"
    if listing.odd:
        first = f"{len(listing.odd):,} of its files are links to nothing, or pipes, the first is {min(listing.odd)!r}"
        yield f"{first} (mount the disk that they lead to, or say dvc checkout)"
    if listing.empty:
        yield (
            f"{_folders(listing.empty)} hold no file"
            if len(listing.empty) > 1
            else f"{_folders(listing.empty)} is empty"
        )


def _folders(names: Sequence[str]) -> str:
    return f"its folder {names[0]!r}" if len(names) == 1 else f"{len(names):,} of its folders, {names[0]!r} the first,"


def project_path(path: Path) -> Path:
    """How conf/ writes a path: relative inside the project, absolute outside, where a copy of the project finds it."""
    full = Path(os.path.abspath(path))  # noqa: PTH100 - a link inside the project stays one
    return full.relative_to(Path.cwd()) if full.is_relative_to(Path.cwd()) else full
