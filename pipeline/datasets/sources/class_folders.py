"""The base of sources with one sub-folder per class, with or without folders for the parts of a split."""

from __future__ import annotations

import re
import shlex
from abc import ABC
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, final

import pandas as pd

from pipeline.core.errors import UserError, name_some
from pipeline.core.ranges import PositiveInt
from pipeline.core.sample_codec import noun_of
from pipeline.datasets.discovery.file_listing import FileListing, FormatMatch
from pipeline.datasets.discovery.file_walk import folders_around
from pipeline.datasets.discovery.folder_contents import existing_folder, tree_below
from pipeline.datasets.discovery.folder_levels import Levels, read_levels
from pipeline.datasets.discovery.format_detector import FormatDetector
from pipeline.datasets.discovery.sample_suffixes import suffix
from pipeline.datasets.discovery.split_names import split_named
from pipeline.datasets.sources.file_source import FileSource
from pipeline.datasets.sources.items import Item, table

TABLES = (".csv", ".tsv", ".jsonl", ".parquet", ".xlsx")
NUM_SHOWN = 3


@final
@dataclass(frozen=True, kw_only=True)
class Tree:
    """What is below a root, as POSIX paths.

    Attributes:
        files: Every item, in order: files, and folders that are one sample each.
        folders: Those that are no sample.
        samples: Those of the items that are samples by their names.
    """

    files: tuple[str, ...]
    folders: tuple[str, ...]
    samples: frozenset[str]

    def levels(self, label_level: int, split_folders: bool) -> Levels:
        """The meaning of the folders."""
        filled = {path.rpartition("/")[0] for path in self.samples}
        return read_levels(self.folders, filled, label_level, split_folders)

    def item(self, path: str, levels: Levels) -> Item | None:
        """The item of a path; None for what is above the classes and no sample."""
        level = levels.of[path.rpartition("/")[0]]
        if level.is_loose and path not in self.samples:
            return None
        labels = [] if level.label is None else [level.label]
        return Item(path=path, labels=labels, given_split=level.given_split)


@dataclass(frozen=True, kw_only=True)
class ClassFolders(FileSource, FormatDetector, ABC):
    """Every file below a sub-folder is a sample of the class that the sub-folder names.

    Where all top-level folders are named like parts of a split (train, Training, seg_train, valid, dev, test_set), they
    give the split, and the classes are below them; the folders of a split may also be inside each class folder. A
    folder that repeats the name of its parent (`seg_train/seg_train`), or is the only one and has a generic name such
    as `images` or holds all the others, is skipped. Samples have no label above the class folders, in a folder
    `unlabelled` or `no_label` at the level of the classes, or in a folder of samples to predict (`seg_pred`) at the
    level of the split.

    Hidden files and folders (a leading dot) and those of programs (`Thumbs.db`, `@eaDir`) are skipped; every other file
    of a class is an item, also when it is no sample, so that ingest can account for it. Links are followed.

    Args:
        name: Of the data set, in MLflow and on the page.
        path: The folder, absolute or relative to the project.
        watch: What DVC hashes to notice a change; the same folder.
        label_level: Of the folders that are no part of a split, the level that names the class: 1 is the topmost.
        split_folders: Whether folders named like parts of a split give the split; else they are classes.
    """

    suffixes: ClassVar[frozenset[str]]  # by which a file above the classes counts as a sample
    locations: ClassVar[tuple[str, ...]] = ("path", "watch")

    name: str
    path: str
    watch: str | list[str]
    label_level: PositiveInt = 1
    split_folders: bool = True

    def read(self) -> pd.DataFrame:
        root = existing_folder(self.path, "path", f"one sub-folder of {noun_of(self.media)}s per class")
        tree = self.arrange(*tree_below(root))
        levels = tree.levels(self.label_level, self.split_folders)
        if len(levels.classes) < 2:
            found = f"only {levels.classes[0]!r}" if levels.classes else "none"
            below = f" below its split folders {sorted(levels.splits)}" if levels.splits and not levels.below else ""
            raise UserError(
                f"source.path {self.path!r} must hold at least two sub-folders, one per class; found {found}{below}"
                f"{_deeper(tree.folders, self.label_level)}"
            )
        items = [item for path in tree.files if (item := tree.item(path, levels)) is not None]
        if not any(item.labels for item in items):
            raise UserError(
                f"source.path {self.path!r} holds no file below its sub-folders {levels.classes}; put pictures there"
            )
        return table(self.group(items))

    @property
    def root(self) -> Path:
        return Path(self.path)

    @classmethod
    def arrange(cls, files: Sequence[str], folders: Sequence[str]) -> Tree:
        """The files and folders below the root as samples and what is around them."""
        samples = frozenset(path for path in files if suffix(path) in cls.suffixes)
        return Tree(files=tuple(files), folders=tuple(folders), samples=samples)

    def group(self, items: list[Item]) -> list[Item]:
        """The items with what must stay together with each."""
        return items

    @classmethod
    def match(cls, place: FileListing, options: Mapping[str, object]) -> FormatMatch | None:
        """How the class folders of a place would be read; None where fewer than two are filled, or mostly others."""
        label_level, split_folders = options.get("label_level", 1), bool(options.get("split_folders", True))
        assert isinstance(label_level, int)
        tree = cls.arrange(place.files, sorted(folders_around(place.files)))
        levels = tree.levels(label_level, split_folders)
        num_labelled = sum(levels.of[path.rpartition("/")[0]].label is not None for path in tree.samples)
        num_files = sum(levels.of[path.rpartition("/")[0]].label is not None for path in tree.files)
        filled = {levels.of[path.rpartition("/")[0]].label for path in tree.samples} - {None}
        if place.named or len(filled) < 2 or 2 * num_labelled < num_files:
            return None
        where = "with" if levels.below else "below"
        splits = f", {where} {', '.join(sorted(levels.splits))}" if levels.splits else ""
        return FormatMatch(
            layout=f"a folder per class{splits}",
            choices={"path": str(place.root)},
            confidence=0.6 if levels.splits else 0.5,
            notes=list(_notes(place, levels)),
            missing=_contradiction(levels, tree.folders, options),
        )


def _deeper(folders: Collection[str], label_level: int) -> str:
    """Advice where the classes are one level deeper: a zip often holds one folder around everything."""
    below = sorted({path.rpartition("/")[2] for path in folders if path.count("/") == label_level})
    if len(below) < 2:
        return ""
    level = label_level + 1
    return (
        f", and below it {below[:NUM_SHOWN]}; if these are the classes, set source.label_level={level} (of an archive "
        f"or a remote tree source.inner.label_level={level})"
    )


def _contradiction(levels: Levels, folders: Collection[str], options: Collection[str]) -> str:
    """A contradiction of this reading, and the options that resolve it; empty where there is none."""
    if "label_level" not in options and levels.shared:
        classes, shared = (name_some(names, NUM_SHOWN) for names in (levels.classes, levels.shared))
        return (
            f"each of its folders holds the same folders; choose the labels: --label-level 1 ({classes}) or "
            f"--label-level 2 ({shared})"
        )
    like = [name for name in levels.classes if split_named(name)]
    holding = [name for name in like if sum(one.startswith(f"{name}/") for one in folders) > 1]
    if "split_folders" in options or levels.splits or not (len({split_named(one) for one in like}) > 1 or holding):
        return ""
    others = [name for name in levels.classes if name not in like]
    return (
        f"the split folders {like} have siblings {others}; move those away, or give --split-folders no if all of them "
        "are classes"
    )


def _notes(place: FileListing, levels: Levels) -> Iterator[str]:
    if levels.deeper and not levels.below:
        yield (
            f"the folders of {name_some(levels.deeper, NUM_SHOWN)} hold folders, whose pictures get the outer label; "
            "--label-level 2 makes labels of the inner folders; if they are data sets, name one: colibri init "
            f"{shlex.quote(place.at(levels.deeper[0]))}"
        )
    plain = {re.sub(r"[\W\d_]+", "", name) for name in levels.classes}
    if len(plain) == 1 and plain != {""}:
        names = name_some(levels.classes, NUM_SHOWN)
        yield f"the class folders differ only in a number: {names} are no labels if they are parts"
    if tables := place.documents(lambda ending: ending in TABLES):
        yield f"{name_some(tables, NUM_SHOWN)} was not read; if it holds the labels, add --format table"
