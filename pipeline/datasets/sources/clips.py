"""A folder of clips: one sub-folder per class, of video files, animations and folders of frames."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import ClassVar, final

from pipeline.core.errors import UserError
from pipeline.datasets.discovery.clip_clues import are_animated, are_frames
from pipeline.datasets.discovery.file_listing import FileListing, FormatMatch
from pipeline.datasets.discovery.file_walk import folders_around
from pipeline.datasets.discovery.sample_finder import frame_folders
from pipeline.datasets.discovery.sample_suffixes import CLIP_SUFFIXES, FILM_SUFFIXES, suffix
from pipeline.datasets.sources.class_folders import ClassFolders, Tree
from pipeline.datasets.sources.items import Item

LAST_NUMBER = re.compile(r"(.*?)[\W_]*[0-9]+[^0-9]*", re.DOTALL)


@final
@dataclass(frozen=True, kw_only=True)
class Clips(ClassFolders):
    """Every file below a sub-folder is a clip of the class that the sub-folder names; as `ClassFolders`.

    A folder below a class folder whose files are all numbered pictures of one format, four or more, is one clip: its
    frames. Cuts of one video are a group, so that they stay in one part of the split.

    Args:
        group_pattern: Regular expression that is searched in the path of a clip; what its first group matches names the
            source video. null: the name of the file before its last number (`a_001.mp4` and `a_002.mp4` are of `a`),
            but for a name that all clips of a class have before their numbers.
    """

    media: ClassVar[str] = "clip"
    suffixes: ClassVar[frozenset[str]] = CLIP_SUFFIXES

    group_pattern: str | None = None

    def __post_init__(self) -> None:
        try:
            groups = re.compile(self.group_pattern or "()").groups
        except re.error as error:
            raise ValueError(f"group_pattern {self.group_pattern!r} is no regular expression: {error}") from None
        if not groups:
            raise ValueError(f"group_pattern {self.group_pattern!r} must have a group in brackets: (.*)_[0-9]+")

    @classmethod
    def arrange(cls, files: Sequence[str], folders: Sequence[str]) -> Tree:
        """The tree with each folder of frames as one sample."""
        clips = {one for one in frame_folders(files) if "/" in one}
        others = [path for path in files if path.rpartition("/")[0] not in clips]
        samples = {path for path in others if suffix(path) in cls.suffixes} | clips
        return Tree(
            files=tuple(sorted([*others, *clips]) if clips else others),
            folders=tuple(one for one in folders if one not in clips),
            samples=frozenset(samples),
        )

    def group(self, items: list[Item]) -> list[Item]:
        """The items with the video that each is cut from.

        Raises:
            UserError: The pattern is found in no path.
        """
        if self.group_pattern is not None:
            found = [re.search(self.group_pattern, item.path) for item in items]
            if not any(found):
                first = f"{items[0].path!r}" if items else "none"
                raise UserError(
                    f"source.group_pattern {self.group_pattern!r} is found in none of the {len(items):,} paths, the "
                    f"first is {first}; correct it, or set it to null"
                )
            return [replace(item, group=one[1] if one else None) for item, one in zip(items, found, strict=True)]
        names = [name_before_number(item.path) for item in items]
        counts: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        for item, name in zip(items, names, strict=True):
            counts[tuple(item.labels)][name] += 1
        general = {name for one in counts.values() for name, number in one.items() if 1 < number == one.total()}
        videos = [None if name in general else name or None for name in names]
        return [replace(item, group=video) for item, video in zip(items, videos, strict=True)]

    @classmethod
    def recognise(cls, place: FileListing, options: Mapping[str, object]) -> Iterator[FormatMatch]:
        found = cls.match(place, options)
        if found is None:
            return
        tree = cls.arrange(place.files, sorted(folders_around(place.files)))
        films = [path for path in tree.samples if suffix(path) in FILM_SUFFIXES and place.has(path)]
        animations = sorted(path for path in tree.samples if suffix(path) in CLIP_SUFFIXES - FILM_SUFFIXES)
        frames = {folder: paths for folder, paths in frame_folders(place.files).items() if folder in tree.samples}
        if 2 * len(films) > len(tree.samples):
            yield replace(found, layout=f"clips, {found.layout}", confidence=found.confidence + 0.1)
        elif 2 * len(animations) > len(tree.samples):
            if are_animated(place, animations):
                yield replace(found, layout=f"animations, {found.layout}", confidence=found.confidence + 0.1)
        elif frames:
            sure = 0.1 if are_frames(place, frames) else -0.2
            yield replace(found, layout=f"frames of clips, {found.layout}", confidence=found.confidence + sure)


def name_before_number(path: str) -> str:
    """The name of a file, without ending, before its last number: `a` of `x/a_001.mp4`; all of one without numbers."""
    name = PurePosixPath(path).name
    stem = name[: len(name) - len(suffix(name))] if suffix(name) in CLIP_SUFFIXES else name
    matched = LAST_NUMBER.fullmatch(stem)
    return matched[1] if matched else stem
