"""Finds the pictures that the columns of a table name, and their folder."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, final

from pipeline.core.errors import UserError
from pipeline.datasets.discovery.file_listing import EDGE_BYTES, MAX_NAMES, FileListing, list_files
from pipeline.datasets.discovery.format_clues import folder_of, pictures_folder
from pipeline.datasets.discovery.sample_finder import SampleFinder
from pipeline.datasets.discovery.sample_suffixes import SAMPLE_SUFFIXES, suffix
from pipeline.datasets.tables.cells import as_text
from pipeline.datasets.tables.dialects import name_pictures
from pipeline.datasets.tables.label_columns import words
from pipeline.datasets.tables.records import Form, Records, read_records

WELL_KNOWN = {  # names of columns, the most likely first
    "image": "image image_path img path image_file file filename file_name file_path filepath image_id image_name "
    "img_path picture photo id",
    "split": "split set subset partition fold phase usage",
    "group": "group group_id patient patient_id subject subject_id case case_id lesion_id module module_id video",
}
MAX_ROWS = 10_000  # of a table, examined
MAX_WHOLE_BYTES = 64 * 1024**2  # of a table that is read completely to find the folder of its pictures


@final
@dataclass(frozen=True)
class Columns:
    """The first rows of tables by column.

    Attributes:
        values: Column to its fields in all tables, in order.
        lengths: Number of rows of each table in `values`.
    """

    values: Mapping[str, list[Any]]
    lengths: tuple[int, ...]

    @classmethod
    def of(cls, *tables: Records) -> Columns:
        rows = [records.rows[:MAX_ROWS] for records in tables]
        names = dict.fromkeys(name for records in tables for name in records.columns)
        return cls(
            {name: [row.get(name) for one in rows for row in one] for name in names}, tuple(len(one) for one in rows)
        )

    def texts(self, name: str) -> list[str]:
        """What is options in a column."""
        return [str(value).strip() for value in self.values[name] if value not in (None, "")]

    def find_known(self, kind: str, among: Collection[str]) -> str | None:
        """The column with the most likely of the well-known names of its kind; None where none has one."""
        plain = {"_".join(words(name)): name for name in reversed([*among])}
        return next((plain[name] for name in WELL_KNOWN[kind].split() if name in plain), None)


def _all_names(records: Records, form: Form, image: str) -> list[str] | None:
    """All names of pictures in the table; None where it is damaged, or too large to be read completely."""
    size = records.path.stat().st_size
    if size >= EDGE_BYTES or len(records.rows) >= MAX_ROWS:
        if size > MAX_WHOLE_BYTES:
            return None
        try:
            records = read_records(records.path, form)
        except UserError:
            return None
    return [text.strip() for row in records.rows if (text := as_text(row.get(image))) is not None]


def pictures_of(
    files: Files,
    image: str,
    parts: Mapping[Any, str],
    tables: Mapping[str, Records],
    options: Mapping[str, Any],
    form: Form,
) -> tuple[dict[Any, str], list[str], list[str]]:
    """The folder of the pictures of each part, the picture of each row, and notes about them."""
    folders: dict[Any, str] = {}
    pictures: list[str] = []
    notes: list[str] = []
    for split, document in parts.items():
        columns = Columns.of(tables[document])
        names = columns.texts(image)
        matched = files.match_names(names)
        folders[split], remarks = files.folder(
            document, names, matched, options, partial(_all_names, tables[document], form, image)
        )
        rows = [str(value).strip() for value in columns.values[image]]
        pictures += [matched.get(name) or f"{folders[split]}\0{name}" for name in rows]
        notes += remarks
    return folders, pictures, [*dict.fromkeys(notes)]


@final
class Files:
    """The files that a table's names may mean: those of a place, or of the folder that `options` gives."""

    def __init__(self, place: FileListing, options: Mapping[str, Any]):
        self.place = place
        if "pictures" in options:
            try:
                self.place = list_files(Path(options["pictures"]))
            except UserError:
                self.place = FileListing(root=place.root, files=())
        self.finder = SampleFinder(self.place.files, self.place.root)

    def match_names(self, names: Collection[str]) -> dict[str, str]:
        """Each name that means a sample, to its path."""
        found = self.finder.find_all(dict.fromkeys(names).keys())
        paths = {name: one for name, one in found.items() if isinstance(one, str)}
        return {name: one for name, one in paths.items() if suffix(one) in SAMPLE_SUFFIXES or not self.place.has(one)}

    def column(self, columns: Columns) -> str | None:
        """The column whose names match the most files, else end like those of samples, else match the most folders."""
        fitting = (
            self._fitting(columns, self.place.has)
            or [name for name in columns.values if name_pictures(columns.texts(name))]
            or self._fitting(columns, lambda path: not self.place.has(path))
        )
        return columns.find_known("image", fitting) or next(iter(fitting), None)

    def _fitting(self, columns: Columns, is_meant: Callable[[str], bool]) -> list[str]:
        """The columns whose names match the most samples of a kind; folders of classes or parts are no samples."""
        counts = {}
        for name in columns.values:
            every = columns.texts(name)
            texts = [*dict.fromkeys(every)]
            sampled = texts[:: max(1, len(texts) // MAX_NAMES)][:MAX_NAMES]
            found = {path for path in self.match_names(sampled).values() if is_meant(path)}
            is_repeated = 2 * len(texts) <= len(every) and not any(map(self.place.has, found))
            if 2 * len(found) >= len(sampled) > 0 and not is_repeated:
                counts[name] = len(found)
        return [name for name in counts if counts[name] == max(counts.values())]

    def folder(
        self,
        document: str,
        names: list[str],
        matched: Mapping[str, str],
        options: Mapping[str, Any],
        all_names: Callable[[], list[str] | None],
    ) -> tuple[str, list[str]]:
        """A folder that holds all pictures of the table, and notes about it.

        It is the folder that the paths in the table are relative to, where that holds them all, else the deepest one.
        """
        if "pictures" in options or not matched:
            return pictures_folder(self.place, names[:MAX_NAMES], options, document)
        exact = folder_of(self.place, names[:MAX_NAMES], document)
        if _shared_folder(matched.values()):
            complete = all_names()
            if complete is None:
                return self.place.at(exact or ""), []
            matched = self.match_names(complete)
        shared = _shared_folder(matched.values())
        inside = exact is not None and f"{shared}/".startswith(f"{exact}/" if exact else "")
        return self.place.at((exact or "") if inside else shared), []


def _shared_folder(files: Iterable[str]) -> str:
    """The deepest folder that holds all files; empty for the root."""
    return posixpath.commonpath([posixpath.dirname(file) for file in files])
