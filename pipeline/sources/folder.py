"""A folder of pictures, one sub-folder per class."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import final

import pandas as pd

from pipeline.core.contracts import Source
from pipeline.core.errors import UserError
from pipeline.core.reading import read_bytes, stat_file


@final
@dataclass(frozen=True, kw_only=True)
class Folder(Source):
    """Every file below a sub-folder is a sample of the class that the sub-folder names.

    Hidden files and folders (a leading dot) are passed over; every other file is named, also when it is no picture,
    so that ingest can account for it. Symbolic links to folders below a class folder are not followed.

    Args:
        name: Of the data set, in MLflow and on the page.
        path: The folder, absolute or relative to the project.
        watch: What DVC hashes to notice a change; the same folder.
    """

    name: str
    path: str
    watch: str

    def read(self) -> pd.DataFrame:
        root = Path(self.path)
        if not root.is_dir():
            raise UserError(f"source.path {str(root)!r} is not a folder; expected one sub-folder of pictures per class")
        classes = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        if len(classes) < 2:
            found = f"only {classes[0]!r}" if classes else "none"
            raise UserError(
                f"source.path {str(root)!r} must hold at least two sub-folders, one per class; found {found}"
            )
        rows = [(path, [name]) for name in classes for path in _files(root, name)]
        if not rows:
            raise UserError(
                f"source.path {str(root)!r} holds no file below its sub-folders {classes}; put pictures there"
            )
        odd = [path for path, _ in rows if path.encode(errors="replace") != path.encode(errors="surrogateescape")]
        if odd:
            raise UserError(f"source.path {str(root)!r}: the file name {odd[0]!r} is not UTF-8; rename the file")
        table = pd.DataFrame(rows, columns=["path", "labels"])
        table["group"] = None
        return table

    def open(self, path: str) -> bytes:
        return read_bytes(Path(self.path), path)

    def stat(self, path: str) -> tuple[int, ...] | None:
        return stat_file(Path(self.path), path)


def _files(root: Path, name: str) -> list[str]:
    found = []
    for folder, folders, names in os.walk(root / name, onerror=_unlisted):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        found += [(Path(folder) / one).relative_to(root).as_posix() for one in sorted(names) if not one.startswith(".")]
    return found


def _unlisted(error: OSError) -> None:
    raise UserError(f"the source's folder {error.filename!r} cannot be listed: {error.strerror}")
