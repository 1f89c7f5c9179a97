"""A folder of pictures: one sub-folder per class, with or without folders for the parts of a split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, final

from pipeline.datasets.discovery.file_listing import FileListing, FormatMatch
from pipeline.datasets.discovery.sample_suffixes import PICTURE_SUFFIXES, media_named
from pipeline.datasets.sources.class_folders import ClassFolders


@final
@dataclass(frozen=True, kw_only=True)
class Folder(ClassFolders):
    """Every file below a sub-folder is a picture of the class that the sub-folder names; as `ClassFolders`."""

    suffixes: ClassVar[frozenset[str]] = PICTURE_SUFFIXES

    @classmethod
    def recognise(cls, place: FileListing, options: Mapping[str, object]) -> Iterator[FormatMatch]:
        found = cls.match(place, options)
        names = [path for path in place.files if media_named(path)]
        if found is not None and 2 * sum(media_named(path) == "image" for path in names) >= len(names):
            yield found
