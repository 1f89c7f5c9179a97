"""The level of a tree of folders that gives the split, and the level that gives the label."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import final

from pipeline.datasets.discovery.file_walk import folders_around
from pipeline.datasets.discovery.split_names import is_filler, is_unlabelled, split_named, splits_of

Parts = tuple[str, ...]
MIN_SHARED = 2  # fewest names below each of several folders that make a level of their own


@final
@dataclass(frozen=True, kw_only=True)
class Level:
    """The label and the split that a folder gives to its pictures.

    Attributes:
        label: The class, or None.
        given_split: train, val, test, or None.
        is_loose: It is above the classes, where only pictures are items.
    """

    label: str | None
    given_split: str | None
    is_loose: bool


@final
@dataclass(frozen=True, kw_only=True)
class Levels:
    """The meaning of each folder of a tree.

    Attributes:
        of: Folder, as POSIX path, to its level; "" is the root.
        splits: The folders that are parts of the split, in order; without those that hold no class.
        below: Whether they are in the class folders, not above them.
        shared: Names of folders below every class folder; empty where there are none.
        deeper: Classes whose folder holds folders.
    """

    of: dict[str, Level]
    splits: list[str]
    below: bool
    shared: list[str]
    deeper: list[str]

    @property
    def classes(self) -> list[str]:
        return sorted({level.label for level in self.of.values() if level.label is not None})


def read_levels(folders: Collection[str], filled: Collection[str], label_level: int, split_folders: bool) -> Levels:
    """The meaning of the folders of a tree.

    A level with a single folder is skipped if the folder repeats the name of its parent (`seg_train/seg_train`), has a
    generic name (`images`), or, where `label_level` is 1, is the topmost one and holds no picture itself but several
    folders (a zip's). Folders that are all parts of a split (`splits_of`) give the split, above the classes or in each
    of them. Of the remaining levels, `label_level` names the class.

    Args:
        folders: All of them, as POSIX paths.
        filled: Those with a picture directly in them; "" is the root.
        label_level: 1 for the topmost remaining level.
        split_folders: Whether folders named like parts of a split give the split.
    """
    tree = _Tree(folders, filled, skips_top=label_level == 1)
    plain = {folder: tree.plain(folder) for folder in [*folders, ""]}
    above = splits_of(tree.level(plain, 0)) if split_folders else None
    within = splits_of(tree.level(plain, 1)) if split_folders and above is None else None
    if within and not (len(within) > 1 and all(len(plain[one]) > 1 for one in filled)):
        within = None
    of: dict[str, Level] = {}
    for folder, parts in plain.items():
        given, rest = None, parts
        if above and parts and parts[0] in above:
            given, rest = above[parts[0]], parts[1:]
        elif above:
            rest = ()
        elif within and len(parts) > 1 and parts[1] in within:
            given = within[parts[1]]
        label = rest[label_level - 1] if len(rest) >= label_level else None
        if above and parts and above.get(parts[0]) is None:
            label = None
        known = label is not None and not is_unlabelled(label)
        of[folder] = Level(label=label if known else None, given_split=given, is_loose=label is None)
    labelled = [parts[bool(above) :] for folder, parts in plain.items() if of[folder].label is not None]
    return Levels(
        of=of,
        splits=[name for name, split in (above or within or {}).items() if split is not None],
        below=bool(within),
        shared=[] if within else _common_names(labelled, label_level),
        deeper=sorted({parts[label_level - 1] for parts in labelled if len(parts) > label_level}),
    )


def _common_names(labelled: Iterable[Parts], level: int) -> list[str]:
    """Names of folders below every class folder, where they are at least half of those below any."""
    below: dict[str, set[str]] = {}
    for parts in labelled:
        names = below.setdefault(parts[level - 1], set())
        if len(parts) > level:
            names.add(parts[level])
    if len(below) < 2:
        return []
    common, every = set.intersection(*below.values()), set.union(*below.values())
    return sorted(common) if len(common) >= MIN_SHARED and 2 * len(common) >= len(every) else []


class _Tree:
    """Folders and their sub-folders."""

    def __init__(self, folders: Collection[str], filled: Collection[str], skips_top: bool):
        self._skips_top = skips_top
        self._filled = frozenset(filled)
        self._within: dict[str, list[str]] = {}
        self._with_pictures = folders_around(f"{folder}/" for folder in filled)
        for folder in folders:
            self._within.setdefault(folder.rpartition("/")[0], []).append(folder)

    def plain(self, folder: str) -> Parts:
        """The parts of a path without skipped levels."""
        parts = folder.split("/") if folder else []
        remaining = []
        for depth, part in enumerate(parts):
            only = self._only("/".join(parts[:depth]))
            if only is None or not self._is_skipped(only):
                remaining.append(part)
            elif "/".join(parts[: depth + 1]) != only:
                break  # the siblings of a skipped folder hold no pictures
        return tuple(remaining)

    def _only(self, around: str) -> str | None:
        """The one sub-folder that holds all pictures of a folder; None where there is no such one."""
        within = [one for one in self._within.get(around, ()) if one in self._with_pictures]
        return within[0] if len(within) == 1 and around not in self._filled else None

    def _is_skipped(self, only: str) -> bool:
        around, _, name = only.rpartition("/")
        return is_filler(name) or _is_alike(name, around) or (not around and self._is_around_all(only))

    def _is_around_all(self, top: str) -> bool:
        """Whether the topmost folder only holds the others, as in most zips; a part of a split stays a level."""
        within = [one for one in self._within.get(top, ()) if one in self._with_pictures]
        return self._skips_top and len(within) > 1 and top not in self._filled and split_named(top) is None

    def level(self, plain: dict[str, Parts], depth: int) -> list[str]:
        """The different names at a depth, of folders that hold pictures at any depth."""
        return sorted(
            {parts[depth] for one, parts in plain.items() if len(parts) > depth and one in self._with_pictures}
        )


def _is_alike(name: str, around: str) -> bool:
    """Whether a folder repeats the name of its parent, or its part of a split."""
    outer = around.rpartition("/")[2]
    split = split_named(name)
    return bool(outer) and (name.lower() == outer.lower() or (split is not None and split == split_named(outer)))
