"""A folder of volumes: files, and folders that are DICOM series, below one sub-folder per class."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, final

import pandas as pd

from pipeline.core.errors import UserError, name_some
from pipeline.core.ranges import PositiveInt
from pipeline.datasets.discovery.file_listing import FileListing, FormatMatch
from pipeline.datasets.discovery.file_walk import folders_around
from pipeline.datasets.discovery.folder_contents import existing_folder, tree_below
from pipeline.datasets.discovery.folder_levels import Level, Levels, read_levels
from pipeline.datasets.discovery.format_detector import FormatDetector
from pipeline.datasets.discovery.sample_suffixes import media_named
from pipeline.datasets.discovery.volume_files import FoundVolume, find_volumes
from pipeline.datasets.sources.file_source import FileSource
from pipeline.datasets.sources.items import Item, table
from pipeline.volumes.patients import Identity, make_pseudonym

FOLDER = "folder"  # the attribute of volumes without labels
NUM_SHOWN = 3
UNLABELLED, LABELLED, WITH_SPLITS = 0.52, 0.55, 0.65  # `Folder`, to which volumes are files in a class, has 0.5 and 0.6
LAST_NUMBER = re.compile(r"[\W_]*\d+\D*$")


@final
@dataclass(frozen=True, kw_only=True)
class Volumes(FileSource, FormatDetector):
    """Every volume below a sub-folder is a sample of the class that the sub-folder names; `folder` reads its levels.

    A volume is a file (NIfTI, MRC, MAP, NPY, DICOM of many frames), or a folder that directly holds the slices of one
    DICOM series, however deep. Other files are passed over; a volume in a format that is not read is refused.

    Args:
        name: Of the data set, in MLflow and on the page.
        path: The folder, absolute or relative to the project.
        watch: What DVC hashes to notice a change; the same folder.
        labels: `folders` give the classes, or there are `none`.
        label_level: Of the folders that are no part of a split, the level that names the class: 1 is the topmost.
        split_folders: Whether folders named like parts of a split give the split; else they are classes.
        group: What stays in one split: all volumes of a `patient` (DICOM's PatientID as a hash with the salt; of other
            files what `group_pattern` finds), of a `file` name before its last number, or `none`.
        group_pattern: Regular expression that finds the patient in a path: its first group where it has one, else all
            of it; volumes in whose path it finds nothing belong to no group. Null: none does.
        salt: Of the hash of PatientID: any text that others do not know; `colibri init` writes one.
        identities_in_paths: Whether folders may have the name or the PatientID that their files hold: `refuse` stops,
            since paths are in the manifest and on pages; `allow` where these are no real ones.
    """

    locations: ClassVar[tuple[str, ...]] = ("path", "watch")
    media: ClassVar[str] = "volume"

    name: str
    path: str
    watch: str | list[str]
    labels: Literal["folders", "none"] = "folders"
    label_level: PositiveInt = 1
    split_folders: bool = True
    group: Literal["patient", "file", "none"] = "patient"
    group_pattern: str | None = "sub-[A-Za-z0-9]+"
    salt: str = ""
    identities_in_paths: Literal["refuse", "allow"] = "refuse"

    def __post_init__(self) -> None:
        try:
            re.compile(self.group_pattern or "")
        except re.error as error:
            raise ValueError(f"group_pattern {self.group_pattern!r} is no regular expression ({error})") from None

    def read(self) -> pd.DataFrame:
        root = existing_folder(self.path, "path", "one sub-folder of volumes per class")
        files, folders = tree_below(root)
        volumes = find_volumes(files, self._head)
        if not volumes:
            raise UserError(
                f"source.path {self.path!r} holds no volume ({len(files):,} other files); put NIfTI, MRC or NPY files "
                "or folders of DICOM slices there"
            )
        self._refuse_identities(volumes)
        return table(
            self._items_without_labels(volumes) if self.labels == "none" else self._items_of_classes(volumes, folders)
        )

    @property
    def root(self) -> Path:
        return Path(self.path)

    def _head(self, path: str, size: int) -> bytes:
        try:
            with (self.root / path).open("rb") as file:
                return file.read(size)
        except OSError:
            return b""

    def _refuse_identities(self, volumes: list[FoundVolume]) -> None:
        if self.identities_in_paths == "allow":
            return
        count = sum(volume.identity.is_in(volume.path) for volume in volumes)
        if count:
            raise UserError(
                f"source.path {self.path!r}: the paths of {count:,} of {len(volumes):,} DICOM series hold the "
                "PatientName or the PatientID of their files, and paths are in the manifest and on pages; rename the "
                "folders, or set source.identities_in_paths=allow if these are no real ones"
            )

    def _items_of_classes(self, volumes: list[FoundVolume], folders: list[str]) -> Iterator[Item]:
        levels = _levels(volumes, folders, self.label_level, self.split_folders)
        found = {_level_of(volume, levels).label for volume in volumes} - {None}
        if len(found) < 2:
            raise UserError(
                f"source.path {self.path!r} must hold at least two sub-folders of volumes, one per class; found "
                f"{sorted(map(str, found)) or 'none'}; where no folder names a class, set source.labels=none"
            )
        for volume in volumes:
            level = _level_of(volume, levels)
            yield Item(
                path=volume.path,
                labels=[] if level.label is None else [level.label],
                given_split=level.given_split,
                group=self._group(volume),
                refused=volume.refused,
            )

    def _items_without_labels(self, volumes: list[FoundVolume]) -> Iterator[Item]:
        around = {volume.path: volume.path.rpartition("/")[0] or "." for volume in volumes}
        several = len(set(around.values())) > 1
        for volume in volumes:
            yield Item(
                path=volume.path,
                group=self._group(volume),
                refused=volume.refused,
                attributes={FOLDER: around[volume.path]} if several else {},
            )

    def _group(self, volume: FoundVolume) -> str | None:
        if self.group == "none":
            return None
        if self.group == "file":
            return LAST_NUMBER.sub("", volume.path.rpartition("/")[2].partition(".")[0]) or None
        if volume.identity.patient_id:
            return self.group_of(volume.identity)
        if self.group_pattern is None or (match := re.search(self.group_pattern, volume.path)) is None:
            return None
        return match[1] if match.re.groups else match[0]

    def group_of(self, identity: Identity) -> str | None:
        """The hash of PatientID; None where the file does not say it.

        Raises:
            UserError: `salt` is empty.
        """
        if not identity.patient_id:
            return None
        if not self.salt:
            raise UserError(
                "source.salt is empty, and PatientID is only stored as a hash with a salt: set it to any text that "
                f"others do not know, such as {secrets.token_hex(16)}, or group=none"
            )
        return make_pseudonym(identity.patient_id, self.salt)

    @classmethod
    def recognise(cls, place: FileListing, options: Mapping[str, object]) -> Iterator[FormatMatch]:
        if place.named:
            return
        volumes = find_volumes(place.files, place.head)
        if not volumes or sum(media_named(path) == "image" for path in place.files) > len(volumes):
            return
        salt = secrets.token_hex(16)  # also where no file has a PatientID: a series that is corrected in use may have
        choices = {"path": str(place.root), "salt": salt}
        levels = _levels(
            volumes,
            sorted(folders_around(place.files)),
            int(str(options.get("label_level", 1))),
            bool(options.get("split_folders", True)),
        )
        labels = {_level_of(volume, levels).label for volume in volumes} - {None}
        if len(labels) < 2 or _differ_in_numbers(labels):
            yield FormatMatch(
                layout="volumes without labels",
                choices={**choices, "labels": "none"},
                confidence=UNLABELLED,
                notes=_note(labels),
            )
            return
        splits = f", {'with' if levels.below else 'below'} {', '.join(sorted(levels.splits))}" if levels.splits else ""
        yield FormatMatch(
            layout=f"a folder of volumes per class{splits}",
            choices=choices,
            confidence=WITH_SPLITS if levels.splits else LABELLED,
        )


def _levels(volumes: list[FoundVolume], folders: Collection[str], label_level: int, split_folders: bool) -> Levels:
    """The meaning of the folders around the volumes; a folder that is itself a series gives no label of its own."""
    samples = {volume.path for volume in volumes}
    around = {path.rpartition("/")[0] for path in samples}
    plain = sorted(folder for folder in folders if folder not in samples)
    return read_levels(plain, around, label_level, split_folders)


def _level_of(volume: FoundVolume, levels: Levels) -> Level:
    return levels.of[volume.path.rpartition("/")[0]]


def _differ_in_numbers(labels: Collection[str | None]) -> bool:
    return len({re.sub(r"[\W\d_]+", "", str(label)) for label in labels}) == 1


def _note(labels: Collection[str | None]) -> list[str]:
    names = name_some(sorted(map(str, labels)), NUM_SHOWN)
    return [f"the folders {names} differ in a number, so they are no labels"] if len(labels) > 1 else []
