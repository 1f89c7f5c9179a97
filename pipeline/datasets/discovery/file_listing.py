"""The files at a path: their names, and the first and last bytes of a few; bounded, without decoding."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
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
MAX_NAMES = 200  # of those in a document, looked up
MAX_NAMESAKES = 1000  # files of one name in different folders, compared


@final
@dataclass(frozen=True, kw_only=True)
class FormatMatch:
    """How a source would read the files at a place.

    Attributes:
        layout: The format, in words.
        choices: The arguments of the constructor, all but `name` and `watch`.
        confidence: 1 where the content shows the format, 0.5 where names of files and folders do, less for a guess.
        notes: Guesses and oddities, a sentence each.
        missing: What a person must correct or set before it can be read, a sentence; empty where nothing is missing.
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
        named: The one file that the path names; None where it names a folder.
        listing: Everything that `walk` found there.
    """

    root: Path
    files: tuple[str, ...]
    named: str | None = None
    listing: Listing = field(default_factory=Listing)

    def documents(self, wanted: Callable[[str], bool]) -> list[str]:
        """Files that may describe the data set: the named one, or the first hundred at most one folder deep.

        Args:
            wanted: Whether a file's ending, in lower case and with the dot, is of interest.
        """
        shallow = sorted((path for path in self.files if path.count("/") <= 1), key=lambda path: path.count("/"))
        candidates = shallow if self.named is None else [self.named]
        return list(islice((one for one in candidates if wanted(PurePosixPath(one).suffix.lower())), MAX_DOCUMENTS))

    def has(self, path: str) -> bool:
        """Whether there is a file at this path, with or without a leading slash."""
        return path.lstrip("/") in self._files

    def at(self, path: str) -> str:
        """The path of a file or folder of this place, as conf/ names it."""
        return str(self.root / path)

    def head(self, path: str, size: int = EDGE_BYTES) -> bytes:
        """The first bytes of a file; empty where it cannot be read."""
        try:
            with (self.root / path).open("rb") as file:
                return file.read(size)
        except OSError:
            return b""

    def head_and_tail(self, path: str) -> bytes:
        """The first and the last bytes of a file, all of a small one; empty where it cannot be read."""
        try:
            with (self.root / path).open("rb") as file:
                first = file.read(EDGE_BYTES)
                file.seek(max(EDGE_BYTES, file.seek(0, SEEK_END) - EDGE_BYTES))
                return first + file.read(EDGE_BYTES)
        except OSError:
            return b""

    def common_parent(self, paths: Iterable[str], preferred: Callable[[str], bool] | None = None) -> str | None:
        """The folder, relative to the root, below which most of these paths exist; None where none exists.

        Args:
            paths: Relative paths.
            preferred: Whether a folder goes before others with as many of the paths.
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
        """The listing of one of its folders."""
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
        namesakes: defaultdict[str, list[str]] = defaultdict(list)
        for path in self.files:
            same = namesakes[path.rpartition("/")[2]]
            if len(same) < MAX_NAMESAKES:
                same.append(path)
        return namesakes


def list_files(path: Path, max_files: int = MAX_FILES) -> FileListing:
    """The listing of a path. A folder that holds nothing but one folder is replaced by that folder.

    Raises:
        UserError: The path does not exist, cannot be read, or holds no file or more than `max_files`.
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
            raise UserError(f"{str(path)!r} {problem}; {_similar(root)}name the folder that holds your pictures")
        found = walk(root, max_files=max_files)
        files = tuple(sorted(found.ordinary))
    except (OSError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        problem = getattr(error, "strerror", None) or str(error)
        raise UserError(f"{str(path)!r} cannot be opened: {problem}; correct its permissions or copy it") from None
    if not files:
        problem = "; ".join(list_obstacles(found)) or "it holds no file"
        raise UserError(f"{str(path)!r}: {problem}; name the folder that holds your pictures")
    place = FileListing(root=root, files=files, listing=found)
    while len(place.folders) == 1 and all("/" in one for one in place.files):
        place = place.below(next(iter(place.folders)))
    return place


def _similar(path: Path) -> str:
    """A question with the nearest name next to a path that does not exist; empty where none is near."""
    try:
        near = get_close_matches(path.name, [] if path.exists() else os.listdir(path.parent), n=1)
    except OSError:
        return ""
    return f"did you mean {str(path.with_name(near[0]))!r}? Else " if near else ""


def list_obstacles(listing: Listing) -> Iterator[str]:
    """The reasons why files of a folder cannot be read, a part of a sentence each."""
    if listing.unlisted:
        yield f"{_folders(listing.unlisted)} cannot be opened (chmod -R u+rX corrects that)"
    if listing.odd:
        first = f"{len(listing.odd):,} of its files are broken links, or pipes, the first is {min(listing.odd)!r}"
        yield f"{first} (mount the disk that they lead to, or run dvc checkout)"
    if listing.empty:
        yield (
            f"{_folders(listing.empty)} hold no file"
            if len(listing.empty) > 1
            else f"{_folders(listing.empty)} is empty"
        )


def _folders(names: Sequence[str]) -> str:
    return f"its folder {names[0]!r}" if len(names) == 1 else f"{len(names):,} of its folders, {names[0]!r} the first,"


def project_path(path: Path) -> Path:
    """A path as conf/ writes it: relative inside the project, absolute outside, for copies of the project."""
    full = Path(os.path.abspath(path))  # noqa: PTH100 - a link inside the project stays one
    return full.relative_to(Path.cwd()) if full.is_relative_to(Path.cwd()) else full
