"""Finds the samples that names in a table or a document mean: files, or folders that are one sample each."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import final

from pipeline.core.errors import ItemRejected
from pipeline.core.safe_files import MAX_NAME_BYTES
from pipeline.datasets.discovery.name_resolution import Resolver
from pipeline.datasets.discovery.sample_suffixes import media_of, suffix
from pipeline.images.formats import SUFFIXES

MIN_FRAMES = 4  # pictures in a folder that is one clip
NUMBERED = re.compile(r"(.*?)0*([0-9]+)\.([^.]+)", re.DOTALL)


@final
class SampleFinder:
    """Finds the sample of each name, by the rules of `Resolver`.

    The media is that of the names' endings. Where it is not that of pictures, or where no name means a file, a name may
    mean a folder that holds files and no folder: the frames of a clip, the slices of a series.

    Args:
        files: POSIX paths relative to the root.
        root: The folder they lie below.
    """

    def __init__(self, files: Sequence[str], root: Path):
        self.files, self.root = files, root
        self._resolvers: dict[str, Resolver] = {}

    def find_all(self, names: Collection[str]) -> dict[str, str | ItemRejected]:
        """The path of each name, or the rejection of an ambiguous name; names that mean nothing are left out."""
        media = media_of(names, self.files)
        if media not in self._resolvers:
            self._resolvers[media] = Resolver(self.files, self.root, media)
        found = self._resolvers[media].find_all(names)
        rest = {name for name in names if name not in found}
        if rest and not (found and media == "image"):
            found |= self._folders.find_all(rest)
        return found

    @cached_property
    def _folders(self) -> Resolver:
        return Resolver(leaf_folders(self.files), self.root)


def leaf_folders(files: Collection[str]) -> list[str]:
    """The folders that hold files and no folder with files, sorted; without the root."""
    filled = {path.rpartition("/")[0] for path in files}
    around = {one.rpartition("/")[0] for one in filled if one}
    while more := {one.rpartition("/")[0] for one in around if one} - around:
        around |= more
    return sorted(filled - around - {""})


def frame_folders(files: Collection[str]) -> dict[str, list[str]]:
    """The folders that look like frames of one clip, each with its frames in the order of their numbers.

    Such a folder holds four or more pictures of one format and nothing else, whose names differ in a number alone, and
    the numbers have equal distances.
    """
    leaves = dict.fromkeys(leaf_folders(files))
    within: dict[str, list[str]] = {one: [] for one in leaves}
    for path in files:
        if (folder := path.rpartition("/")[0]) in within:
            within[folder].append(path)
    found = {folder: _in_order(paths) for folder, paths in within.items() if len(paths) >= MIN_FRAMES}
    return {folder: frames for folder, frames in found.items() if frames}


def _in_order(paths: Sequence[str]) -> list[str]:
    """The frames in the order of their numbers; empty where these files are no frames."""
    numbers: dict[int, str] = {}
    names: set[tuple[str, str]] = set()
    for path in paths:
        name = path.rpartition("/")[2]
        matched = NUMBERED.fullmatch(name) if len(name) <= MAX_NAME_BYTES else None  # in an archive it may be longer
        if matched is None or suffix(path) not in SUFFIXES:
            return []
        numbers[int(matched[2])] = path
        names.add((matched[1], matched[3]))
    ordered = sorted(numbers)
    steps = {after - before for before, after in pairwise(ordered)}
    return [numbers[one] for one in ordered] if len(names) == len(steps) == 1 and len(ordered) == len(paths) else []
