"""A folder of pictures without labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, final

import pandas as pd

from pipeline.core.errors import UserError
from pipeline.datasets.discovery.file_listing import FileListing, FormatMatch
from pipeline.datasets.discovery.folder_contents import existing_folder, files_below
from pipeline.datasets.discovery.format_detector import FormatDetector
from pipeline.datasets.discovery.sample_suffixes import PICTURE_SUFFIXES, suffix
from pipeline.datasets.sources.file_source import FileSource
from pipeline.datasets.sources.items import Item, table

FOLDER = "folder"  # the attribute


@final
@dataclass(frozen=True, kw_only=True)
class Unlabelled(FileSource, FormatDetector):
    """Every picture below a folder, however deep, without a label; other files are passed over.

    The folder that directly holds a picture is its attribute `folder`, where there are several: clusters are compared
    with it, and no task takes it for a label.

    Args:
        name: Of the data set, in MLflow and on the page.
        path: The folder, absolute or relative to the project.
        watch: What DVC hashes to notice a change; the same folder.
    """

    locations: ClassVar[tuple[str, ...]] = ("path", "watch")
    only_by_name: ClassVar[bool] = True

    name: str
    path: str
    watch: str | list[str]

    def read(self) -> pd.DataFrame:
        files = files_below(existing_folder(self.path, "path", "a folder of pictures"))
        pictures = [path for path in files if suffix(path) in PICTURE_SUFFIXES]
        if not pictures:
            raise UserError(
                f"source.path {self.path!r} holds no picture ({len(files):,} other files); put pictures there"
            )
        folders = {path: path.rpartition("/")[0] or "." for path in pictures}
        several = len(set(folders.values())) > 1
        return table([Item(path=path, attributes={FOLDER: folders[path]} if several else {}) for path in pictures])

    @property
    def root(self) -> Path:
        return Path(self.path)

    @classmethod
    def recognise(cls, place: FileListing, options: Mapping[str, object]) -> Iterator[FormatMatch]:
        if not place.named and any(suffix(path) in PICTURE_SUFFIXES for path in place.files):
            yield FormatMatch(layout="pictures without labels", choices={"path": str(place.root)}, confidence=0.1)
