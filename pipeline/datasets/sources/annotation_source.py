"""The base of sources that read labels from annotation files."""

from __future__ import annotations

import itertools
import os
from abc import ABC
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pandas as pd

from pipeline.core.manifest_schema import SPLITS
from pipeline.datasets.discovery.folder_contents import existing_folder, find_pictures
from pipeline.datasets.sources.file_source import FileSource
from pipeline.datasets.sources.items import Empty, Item, table


@dataclass(frozen=True, kw_only=True)
class AnnotationSource(FileSource, ABC):
    """One file (or folder of files) of annotations and its folder of pictures, or one for each part of a given split.

    Paths of samples are relative to the folder of the pictures, or to the one around them where parts have different
    ones.

    Args:
        name: Of the data set, in MLflow and on the page.
        path: The file, or one for each part of the given split, by train, val and test.
        pictures: The folder that the file's names of pictures are relative to, or that of each part.
        watch: What DVC hashes to notice a change; a folder that holds both the files and the pictures.
        empty: How a picture without annotations counts: `negative`, labelled as showing none of the labels;
            `unlabelled`; or `own_label`, labelled `nothing`.
    """

    locations: ClassVar[tuple[str, ...]] = ("path", "pictures", "watch")

    name: str
    path: str | dict[str, str]
    pictures: str | dict[str, str]
    watch: str | list[str]
    empty: Empty = "negative"

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) and (not self.path or not set(self.path) <= set(SPLITS)):
            raise ValueError(f"path must name its files by {', '.join(SPLITS)}, got {sorted(self.path)}")
        if not isinstance(self.pictures, str) and (isinstance(self.path, str) or set(self.pictures) != set(self.path)):
            raise ValueError(f"pictures must name a folder for each file of path, got {sorted(self.pictures)}")
        folders = sorted({Path(folder) for folder in self._folders})
        for outer, inner in itertools.combinations(folders, 2):
            if inner.is_relative_to(outer):
                raise ValueError(f"pictures: {str(inner)!r} is inside {str(outer)!r}; name one folder for both")

    @property
    def root(self) -> Path:
        return Path(os.path.commonpath(self._folders)) if len(self._folders) > 1 else Path(*self._folders)

    @property
    def parts(self) -> dict[str | None, Path]:
        """Each part of the given split to its file; None is the key of a single file without a part."""
        if isinstance(self.path, str):
            return {None: Path(self.path)}
        return {split: Path(self.path[split]) for split in SPLITS if split in self.path}

    def read_items(self, relative: str, items_of: Callable[[Path, Path], Iterable[Item]]) -> pd.DataFrame:
        """The table that `Source.read` returns; the items of a part's file get its split.

        Args:
            relative: The key whose values are relative to `pictures`, for messages: `file_name`.
            items_of: Gives the items of a file and its folder of pictures.

        Raises:
            UserError: A folder of pictures does not exist.
        """
        by_folder: dict[str, dict[str | None, Path]] = {}
        for split, file in self.parts.items():
            name = self.pictures if isinstance(self.pictures, str) else self.pictures[str(split)]
            by_folder.setdefault(name, {})[split] = file
        items: list[Item] = []
        for name, parts in by_folder.items():
            folder = existing_folder(name, "pictures", f"the folder that {relative} is relative to")
            found = [_in_split(item, split) for split, file in parts.items() for item in items_of(file, folder)]
            where = os.path.relpath(folder, self.root)
            items += [_below(where, item) for item in find_pictures(folder, found, [*parts.values()])]
        return table(items)

    @property
    def _folders(self) -> set[str]:
        return {self.pictures} if isinstance(self.pictures, str) else {*self.pictures.values()}


def _in_split(item: Item, split: str | None) -> Item:
    return item if split is None else replace(item, given_split=split)


def _below(folder: str, item: Item) -> Item:
    return item if folder == "." else replace(item, path=f"{Path(folder).as_posix()}/{item.path}")
