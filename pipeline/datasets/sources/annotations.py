"""The files that say what pictures show: one, or one for each part of a given split; and where the pictures are."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import pandas as pd

from pipeline.core.manifest_schema import SPLITS
from pipeline.core.safe_files import read_bytes, stat_file
from pipeline.datasets.discovery.folder_contents import existing_folder, find_pictures
from pipeline.datasets.sources.items import Item, table


@final
@dataclass(frozen=True, kw_only=True)
class Annotations:
    """Files (or folders of them), each with the folder of its pictures.

    Paths of samples are relative to the folder of the pictures, or to the one around them where parts have different
    ones.

    Attributes:
        path: The file, or one for each part of the given split, by train, val and test.
        pictures: The folder that their names of pictures are relative to, or that of each part.
        relative: What is relative to it, for messages: `file_name`.
    """

    path: str | Mapping[str, str]
    pictures: str | Mapping[str, str]
    relative: str

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) and (not self.path or not set(self.path) <= set(SPLITS)):
            raise ValueError(f"path must name its files by {', '.join(SPLITS)}, got {sorted(self.path)}")
        if not isinstance(self.pictures, str) and (isinstance(self.path, str) or set(self.pictures) != set(self.path)):
            raise ValueError(f"pictures must name a folder for each file of path, got {sorted(self.pictures)}")
        folders = sorted({Path(one) for one in self._folders})
        for outer, inner in itertools.combinations(folders, 2):
            if inner.is_relative_to(outer):
                raise ValueError(f"pictures: {str(inner)!r} lies within {str(outer)!r}; name one folder for both")

    @property
    def parts(self) -> dict[str | None, Path]:
        """Each part of the given split to its file; None is the one file that has no part."""
        if isinstance(self.path, str):
            return {None: Path(self.path)}
        return {split: Path(self.path[split]) for split in SPLITS if split in self.path}

    def read(self, items_of: Callable[[Path], Iterable[Item]]) -> pd.DataFrame:
        """What `Source.read` returns, from the items of each file; the split of its part is that of all of them.

        Raises:
            UserError: A folder of pictures is not there.
        """
        return table(item for folder, parts in self._by_folder().items() for item in self._at(folder, parts, items_of))

    def _by_folder(self) -> dict[str, dict[str | None, Path]]:
        """Each folder of pictures to the files that name them."""
        found: dict[str, dict[str | None, Path]] = {}
        for split, file in self.parts.items():
            folder = self.pictures if isinstance(self.pictures, str) else self.pictures[str(split)]
            found.setdefault(folder, {})[split] = file
        return found

    def _at(
        self, folder: str, parts: Mapping[str | None, Path], items_of: Callable[[Path], Iterable[Item]]
    ) -> Iterator[Item]:
        root = existing_folder(folder, "pictures", f"the folder that {self.relative} is relative to")
        named = [
            item if split is None else replace(item, given_split=split)
            for split, file in parts.items()
            for item in items_of(file)
        ]
        where = Path(os.path.relpath(root, self._root)).as_posix()
        for item in find_pictures(root, named, [*parts.values()]):
            yield item if where == "." else replace(item, path=f"{where}/{item.path}")

    @property
    def _root(self) -> Path:
        """The folder that the paths of the samples are relative to."""
        return Path(os.path.commonpath(self._folders)) if len(self._folders) > 1 else Path(*self._folders)

    @property
    def _folders(self) -> set[str]:
        return {self.pictures} if isinstance(self.pictures, str) else {*self.pictures.values()}

    def stat(self, path: str) -> tuple[int, ...] | None:
        """See `Source.stat`."""
        return stat_file(self._root, path)

    def open(self, path: str) -> bytes:
        """See `Source.open`."""
        return read_bytes(self._root, path)
