"""A folder of pictures, one sub-folder per class, below split folders or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import pandas as pd

from pipeline.core.contracts import Source
from pipeline.core.errors import UserError
from pipeline.core.places import Place, Recognised
from pipeline.core.reading import read_bytes, stat_file
from pipeline.sources.items import GIVEN_SPLITS, Item, table
from pipeline.sources.listing import PICTURE_SUFFIXES, existing_folder, files_below, suffix

UNLABELLED = ("unlabelled", "unlabeled")


@final
@dataclass(frozen=True, kw_only=True)
class Folder(Source):
    """Every file below a sub-folder is a sample of the class that the sub-folder names.

    Where all top-level folders are called train, val (or valid, validation) or test, in any case, they are the given
    split and the classes stand one level below. Pictures beside the class folders, or in a folder called `unlabelled`
    in the classes' place, have no label.

    Hidden files and folders (a leading dot) are passed over; every other file of a class is named, also when it is no
    picture, so that ingest can account for it. Symbolic links to folders below a class folder are not followed.

    Args:
        name: Of the data set, in MLflow and on the page.
        path: The folder, absolute or relative to the project.
        watch: What DVC hashes to notice a change; the same folder.
    """

    name: str
    path: str
    watch: str

    def read(self) -> pd.DataFrame:
        root = existing_folder(self.path, "path", "one sub-folder of pictures per class")
        top = _folders(root)
        split_folders = top if top and all(name.lower() in GIVEN_SPLITS for name in top) else []
        classes: set[str] = set()
        items: list[Item] = list(_unlabelled(root, "", None))
        for place in split_folders or [""]:
            given = GIVEN_SPLITS.get(place.lower())
            if place:
                items += _unlabelled(root, place, given)
            for name in _folders(root / place):
                labels = [] if name in UNLABELLED else [name]
                classes.update(labels)
                items += [
                    Item(path=path, labels=labels, given_split=given)
                    for path in files_below(root, f"{place}/{name}".lstrip("/"))
                ]
        if len(classes) < 2:
            found = f"only {min(classes)!r}" if classes else "none"
            below = f" below its split folders {split_folders}" if split_folders else ""
            raise UserError(
                f"source.path {self.path!r} must hold at least two sub-folders, one per class; found {found}{below}"
            )
        if not any(item.labels for item in items):
            raise UserError(
                f"source.path {self.path!r} holds no file below its sub-folders {sorted(classes)}; put pictures there"
            )
        return table(items)

    def open(self, path: str) -> bytes:
        return read_bytes(Path(self.path), path)

    def stat(self, path: str) -> tuple[int, ...] | None:
        return stat_file(Path(self.path), path)

    @classmethod
    def recognise(cls, place: Place, told: Mapping[str, Any]) -> Iterator[Recognised]:
        place = _narrowed(place)
        top = _folders(place.root)
        splits = [name for name in top if name.lower() in GIVEN_SPLITS]
        below = len(splits) == len(top)
        depth = 1 if below else 0
        shown = [path.split("/") for path in _pictures(place) if path.count("/") > depth]
        classes = {parts[depth] for parts in shown} - set(UNLABELLED)
        if (
            place.named
            or len(classes) < 2
            or 2 * len(shown) < len([one for one in place.files if one.count("/") > depth])
        ):
            return
        layout = "a folder per class" + (f", below {', '.join(splits)}" if below else "")
        others = [name for name in top if name not in splits]
        lacks = f"beside the split folders {splits} stand {others}; move those away" if splits and not below else ""
        confidence = 0.6 if splits else 0.5
        yield Recognised(layout=layout, choices={"path": str(place.root)}, confidence=confidence, lacks=lacks)


def _folders(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _pictures(place: Place) -> list[str]:
    return [path for path in place.files if suffix(path) in PICTURE_SUFFIXES]


def _narrowed(place: Place) -> Place:
    """The place, or the one folder in it that holds all its pictures (`images`), but never a split folder."""
    pictures = _pictures(place)
    tops = {path.partition("/")[0] for path in pictures if "/" in path}
    if (
        len(tops) == 1
        and all("/" in path for path in pictures)
        and not {one.lower() for one in tops} & set(GIVEN_SPLITS)
    ):
        return _narrowed(place.below(tops.pop()))
    return place


def _unlabelled(root: Path, place: str, given: str | None) -> Iterator[Item]:
    """The pictures that stand beside the class folders."""
    for entry in sorted((root / place).iterdir()):
        if suffix(entry.name) in PICTURE_SUFFIXES and not entry.name.startswith(".") and not entry.is_dir():
            yield Item(path=entry.relative_to(root).as_posix(), given_split=given)
